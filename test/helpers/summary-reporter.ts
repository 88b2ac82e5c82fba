/**
 * Prints `N passed, N failed, N skipped` over all projects as the very last line, without colours, and above it a line
 * `failed: …` for each failure.
 *
 * With `SUMMARY_FILE` set nothing is printed. That file gets, a line each:
 *
 *     all: PASSED FAILED SKIPPED
 *     failed: what and where           for each failure
 *     part: PASSED FAILED SKIPPED      of these, those in the files below
 *     again: test/unit/x.test.ts       for each file with a failure, when all failures may be tried once more
 */
import { writeFileSync, writeSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'
import type { Reporter, SerializedError, TestModule, TestRunEndReason } from 'vitest/node'

/**
 * Properties are the same in each run, and of attacks none may succeed: a protection that holds now and then is none. What fails
 * elsewhere may have failed by chance, since it takes real processes, engines and clocks of a machine that others use too.
 */
const NEVER_AGAIN: readonly string[] = ['property', 'security']

/** When something fails in more files it is not by chance. */
const MAX_FILES_AGAIN = 5

export interface Counts {
  passed: number
  failed: number
  skipped: number
}

/** A hook that failed, and a file that could not be loaded, count as one failure each. */
function countTests(modules: readonly TestModule[]): Counts {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 }
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

/** A line for each failed test and suite: where it is, its name, and the first line of what went wrong. */
function describeFailures(modules: readonly TestModule[]): string[] {
  const lines: string[] = []
  const add = (place: string, errors: readonly { readonly message: string }[]): void => {
    const [message = ''] = stripVTControlCharacters(errors[0]?.message ?? '').split('\n')
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

/** An error outside every test. What was thrown need not be an error. */
type StrayError = Partial<SerializedError>

/** What of a stack fits into a line. */
const MAX_FRAMES = 6

/** Its message alone says nothing of who made it, so the file that ran and the stack follow. */
function describeStray(error: StrayError): string {
  const type = typeof error['type'] === 'string' ? error['type'] : 'Error'
  const path = pathOf(error)
  const file = path === null ? '' : ` while ${path} ran`
  const [message = ''] = (error.message ?? JSON.stringify(error)).split('\n')
  const cause = error.cause?.message === undefined ? '' : ` (${error.cause.message})`
  const frames = (error.stack ?? '').split('\n').filter((line) => line.startsWith('    at '))
  const stack = frames.slice(0, MAX_FRAMES).map((line) => line.trim())
  return stripVTControlCharacters([`outside every test, ${type}${file}: ${message}${cause}`, ...stack].join(' '))
}

function pathOf(error: StrayError): string | null {
  const path: unknown = error['VITEST_TEST_PATH']
  return typeof path === 'string' ? path : null
}

/** @returns the files in which something failed; none when something failed that is not tried again, or in no file */
function findAgain(modules: readonly TestModule[], strayErrors: readonly StrayError[]): readonly TestModule[] {
  const strayPaths = strayErrors.map(pathOf)
  const hasStray = ({ moduleId }: TestModule): boolean => strayPaths.includes(moduleId)
  const failed = modules.filter((module) => countTests([module]).failed > 0 || hasStray(module))
  const isElsewhere = strayPaths.some((path) => modules.every(({ moduleId }) => moduleId !== path))
  const isFinal = isElsewhere || failed.some(({ project }) => NEVER_AGAIN.includes(project.name))
  return isFinal || failed.length > MAX_FILES_AGAIN ? [] : failed
}

export const formatCounts = ({ passed, failed, skipped }: Counts): string =>
  `${passed} passed, ${failed} failed, ${skipped} skipped`

const listCounts = ({ passed, failed, skipped }: Counts): string => `${passed} ${failed} ${skipped}`

/** The line is written when the process ends, so that nothing of other reporters or of the teardown comes after it. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[], reason: TestRunEndReason): void {
    const all = countTests(modules)
    all.failed += errors.length
    const failures = [...errors.map(describeStray), ...describeFailures(modules)]
    if (reason !== 'passed' && all.failed === 0) {
      // A global setup that failed leaves no other trace.
      all.failed = 1
      failures.push(`outside every test: the run ${reason}`)
    }
    const named = failures.map((line) => `failed: ${line}`)
    const file = process.env.SUMMARY_FILE
    if (file === undefined || file === '') {
      process.once('exit', () => {
        writeSync(1, `${[...named, formatCounts(all)].join('\n')}\n`)
      })
      return
    }
    const again = findAgain(modules, errors)
    const part = countTests(again)
    if (again.length > 0) part.failed += errors.length
    const files = again.map(({ relativeModuleId }) => `again: ${relativeModuleId}`)
    writeFileSync(file, `${[`all: ${listCounts(all)}`, ...named, `part: ${listCounts(part)}`, ...files].join('\n')}\n`)
  }
}
