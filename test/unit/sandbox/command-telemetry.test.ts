import { afterEach, beforeEach, expect, it } from 'vitest'
import { CommandFailedError, SandboxExitedError } from '../../../src/errors.js'
import { tellRun } from '../../../src/sandbox/command-telemetry.js'
import type { CommandOutcome } from '../../../src/sandbox/outcome.js'
import type { CommandResult } from '../../../src/sandbox/run-command.js'
import { addMetricSink } from '../../../src/telemetry/index.js'
import { rejection } from '../../helpers/sandboxes.js'

let told: string[]
let end: () => void
beforeEach(() => {
  told = []
  const count = (name: string, _: number, attributes: Readonly<Record<string, string>>): void =>
    void told.push([name.replace('container_sandbox.', ''), ...Object.values(attributes)].join(' '))
  end = addMetricSink({ count, observe: () => undefined })
})
afterEach(() => end())

const gone = new SandboxExitedError('gone', { exitCode: null, signal: null, reason: 'oom' })

function resultOf(outcome: CommandOutcome, rest: Partial<CommandResult> = {}): CommandResult {
  return {
    ...{
      outcome,
      exitCode: null,
      signal: null,
      stdout: '',
      stderr: '',
      stdoutTruncated: false,
      stderrTruncated: false,
    },
    ...{ durationMs: 1, usage: { cpuMs: 1, maxRssBytes: 1, leftovers: 0 }, error: null, ...rest },
  }
}

it.each<[CommandOutcome, Partial<CommandResult>, string[]]>([
  ['exited', { exitCode: 1 }, []],
  ['oom', {}, ['memory']],
  // The end of the sandbox tells of it.
  ['oom', { error: gone }, []],
  ['cpuTime', {}, ['cpuTime']],
  ['timeout', { stderrTruncated: true }, ['timeout', 'output']],
  ['outputLimit', { stdoutTruncated: true }, ['output']],
  ['lost', { error: gone }, []],
])('%s with %o hits %o', async (outcome, rest, limits) => {
  const result = resultOf(outcome, rest)
  expect(await tellRun('id', 'x', () => Promise.resolve(result))).toBe(result)
  expect(told).toEqual([`command.ends ${outcome}`, ...limits.map((limit) => `limit.hits ${limit}`)])
})

it('one that fails its caller is told by its outcome, and one that could not be run as an error', async () => {
  const failed = new CommandFailedError('the command failed', resultOf('signaled'))
  expect(await rejection(tellRun('id', 'x', () => Promise.reject(failed)))).toBe(failed)
  expect(await rejection(tellRun('id', 'x', () => Promise.reject(gone)))).toBe(gone)
  expect(told).toEqual(['command.ends signaled', 'command.ends error'])
})
