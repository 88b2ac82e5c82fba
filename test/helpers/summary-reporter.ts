/**
 * Prints `N passed, N failed, N skipped` over all projects as the very last line, without colours. With `SUMMARY_FILE`
 * set the three numbers go to that file instead, for a caller that adds its own; below them, a line for each that failed.
 */
import { writeFileSync, writeSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'
import { printable } from '../../src/printable.js'
import type { Reporter, SerializedError, TestModule, TestRunEndReason } from 'vitest/node'

export interface Counts {
  passed: number
  failed: number
  skipped: number
}

/**
 * Besides tests, these count as one failure each: a hook that failed, a file that could not be loaded, an error outside
 * every test.
 */
export function countTests(modules: readonly TestModule[], strayErrors: number): Counts {
  const counts: Counts = { passed: 0, failed: strayErrors, skipped: 0 }
  for (const module of modules) {
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      // A test that is still pending when the run ends did not run: a failure of its hooks, or an interruption.
      counts[state === 'pending' ? 'skipped' : state] += 1
    }
    for (const suite of [module, ...module.children.allSuites()]) {
      if (suite.errors().length > 0) counts.failed += 1
    }
  }
  return counts
}

/**
 * A line for each failed test and suite: where it is, its name, and the first line of what went wrong. For an error outside every test
 * that says nothing of who made it, so the file that ran and the stack follow.
 */
export function failures(modules: readonly TestModule[], strayErrors: readonly SerializedError[]): string[] {
  const lines = strayErrors.map(describeStray)
  const add = (place: string, errors: readonly { readonly message: string }[]): void => {
    const [message = ''] = (errors[0]?.message ?? '').split('\n')
    lines.push(`${place}: ${message}`)
  }
  for (const module of modules) {
    if (module.errors().length > 0) add(module.relativeModuleId, module.errors())
    for (const suite of module.children.allSuites()) {
      if (suite.errors().length > 0) add(`${module.relativeModuleId} > ${suite.fullName}`, suite.errors())
    }
    for (const test of module.children.allTests('failed')) {
      add(`${module.relativeModuleId} > ${test.fullName}`, test.result().errors ?? [])
    }
  }
  return lines
}

/** What of a stack fits into a line. */
const MAX_FRAMES = 6

/** What a guest said can be part of a message. */
const MAX_LINE_CHARS = 2_000

/** What was thrown need not be an error. */
function describeStray(error: Partial<SerializedError>): string {
  const type = typeof error['type'] === 'string' ? error['type'] : 'Error'
  const file = typeof error['VITEST_TEST_PATH'] === 'string' ? ` while ${error['VITEST_TEST_PATH']} ran` : ''
  const [message = ''] = (error.message ?? JSON.stringify(error)).split('\n')
  const cause = error.cause?.message === undefined ? '' : ` (${error.cause.message})`
  const frames = (error.stack ?? '').split('\n').filter((line) => line.startsWith('    at '))
  const stack = frames.slice(0, MAX_FRAMES).map((line) => line.trim())
  return [`outside every test, ${type}${file}: ${message}${cause}`, ...stack].join(' ')
}

const showLine = (line: string): string => printable(stripVTControlCharacters(line), MAX_LINE_CHARS)

export const formatCounts = ({ passed, failed, skipped }: Counts): string =>
  `${passed} passed, ${failed} failed, ${skipped} skipped`

/** The line is written when the process ends, so that nothing of other reporters or of the teardown comes after it. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[], reason: TestRunEndReason): void {
    const counts = countTests(modules, errors.length)
    const lines = failures(modules, errors)
    if (reason !== 'passed' && counts.failed === 0) {
      // A global setup that failed leaves no other trace.
      counts.failed = 1
      lines.push(`outside every test: the run ${reason}`)
    }
    const file = process.env.SUMMARY_FILE
    if (file !== undefined && file !== '') {
      const numbers = `${counts.passed} ${counts.failed} ${counts.skipped}`
      writeFileSync(file, `${[numbers, ...lines.map(showLine)].join('\n')}\n`)
      return
    }
    process.once('exit', () => {
      writeSync(1, `${formatCounts(counts)}\n`)
    })
  }
}
