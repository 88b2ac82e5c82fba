import { describe, expect, it } from 'vitest'
import { SandboxExitedError, type ExitReason } from '../../../src/errors.js'
import { decideOutcome, type CommandEnd } from '../../../src/sandbox/outcome.js'

const ok: CommandEnd = {
  exitCode: 0,
  signal: null,
  cause: 'none',
  oomKills: 0,
  intervention: null,
  truncated: false,
  lost: null,
}
const killed = { exitCode: null, signal: 'SIGKILL' } as const
const lost = (reason: ExitReason) => new SandboxExitedError('gone', { exitCode: 137, signal: 'SIGKILL', reason })

describe('decideOutcome', () => {
  it.each<[string, Partial<CommandEnd>, string]>([
    ['success', {}, 'exited'],
    ['an exit code', { exitCode: 3 }, 'exited'],
    ['a signal of its own', killed, 'signaled'],
    ['the deadline', { ...killed, intervention: 'timeout' }, 'timeout'],
    ['its AbortSignal', { ...killed, intervention: 'canceled' }, 'canceled'],
    ['a violation of the trace policy', { ...killed, intervention: 'jailbreak' }, 'jailbreak'],
    ['the CPU limit of the tree', { ...killed, cause: 'cpuTime' }, 'cpuTime'],
    ['the CPU limit of the process, as the kernel signals it', { exitCode: null, signal: 'SIGXCPU' }, 'cpuTime'],
    ['memory', { ...killed, oomKills: 1 }, 'oom'],
    ['memory of a child that made it fail', { exitCode: 1, oomKills: 1 }, 'oom'],
    ['memory of a child that it survived', { exitCode: 0, oomKills: 1 }, 'exited'],
    ['a crash without memory trouble', { exitCode: null, signal: 'SIGSEGV' }, 'signaled'],
    ['too much output', { truncated: true }, 'outputLimit'],
    ['too much output and a failure', { truncated: true, exitCode: 2 }, 'outputLimit'],
    ['too much output, then the deadline', { ...killed, truncated: true, intervention: 'timeout' }, 'timeout'],
    ['the end of the sandbox', { ...killed, lost: lost('killed') }, 'lost'],
    ['the end of the sandbox by memory', { ...killed, lost: lost('oom') }, 'oom'],
    [
      'the deadline, just before the sandbox ended',
      { ...killed, intervention: 'timeout', lost: lost('killed') },
      'timeout',
    ],
  ])('%s', (_name, end, outcome) => {
    expect(decideOutcome({ ...ok, ...end })).toBe(outcome)
  })
})
