import { expect, test } from 'vitest'
import { commandExitCode, signalExitCode, type EndedCommand } from '../../../src/cli/exit-code.js'

const ended = (part: Partial<EndedCommand>): EndedCommand => ({
  outcome: 'exited',
  exitCode: null,
  signal: null,
  lost: null,
  ...part,
})

const table: readonly [name: string, command: Partial<EndedCommand>, code: number][] = [
  ['success', { exitCode: 0 }, 0],
  ['its own code', { exitCode: 3 }, 3],
  ['its own 125', { exitCode: 125 }, 125],
  ['more output than is kept', { outcome: 'outputLimit', exitCode: 4 }, 4],
  ['a signal', { outcome: 'signaled', signal: 'SIGTERM' }, 143],
  ['an interrupt', { outcome: 'signaled', signal: 'SIGINT' }, 130],
  ['a crash', { outcome: 'signaled', signal: 'SIGSEGV' }, 139],
  ['its deadline', { outcome: 'timeout', signal: 'SIGTERM' }, 124],
  ['its deadline, with a code of its own', { outcome: 'timeout', exitCode: 0 }, 124],
  ['CPU time', { outcome: 'cpuTime', signal: 'SIGKILL' }, 137],
  ['memory', { outcome: 'oom', signal: 'SIGKILL' }, 137],
  ['memory of a child', { outcome: 'oom', exitCode: 1 }, 137],
  ['cancellation', { outcome: 'canceled', signal: 'SIGTERM' }, 137],
  ['the trace policy', { outcome: 'jailbreak', signal: 'SIGKILL' }, 137],
  ['the end of the lifetime', { outcome: 'lost', lost: { reason: 'lifetime' } }, 124],
  ['a sandbox that was killed', { outcome: 'lost', lost: { reason: 'killed' } }, 137],
  ['a sandbox without memory', { outcome: 'lost', lost: { reason: 'oom' } }, 137],
  ['a lost engine', { outcome: 'lost', lost: { reason: 'engine' } }, 125],
  ['a broken protocol', { outcome: 'lost', lost: { reason: 'protocol' } }, 125],
  ['a lockup', { outcome: 'lost', lost: { reason: 'lockup' } }, 125],
  ['nothing known', {}, 125],
]

test.each(table)('%s', (_name, command, code) => {
  expect(commandExitCode(ended(command))).toBe(code)
})

test('a signal counts from 128', () => {
  expect(signalExitCode('SIGHUP')).toBe(129)
  expect(signalExitCode('SIGKILL')).toBe(137)
})
