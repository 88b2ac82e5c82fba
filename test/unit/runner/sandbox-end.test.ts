import { describe, expect, it } from 'vitest'
import { EngineUnavailableError, SandboxExitedError, StartupError, type ExitReason } from '../../../src/index.js'
import { sandboxEnd } from '../../../src/runner/sandbox-end.js'

const end = (reason: ExitReason, exitCode: number | null, signal: string | null): SandboxExitedError =>
  new SandboxExitedError('the sandbox is gone', { reason, exitCode, signal })

describe('sandboxEnd', () => {
  it('is the error itself, also when it ended by itself', () => {
    const error = end('exited', 1, null)
    expect(sandboxEnd(error)).toBe(error)
  })

  it.each([
    ['killed from outside', end('exited', 137, 'SIGKILL')],
    ['out of memory', end('oom', 137, 'SIGKILL')],
    ['lost by its engine', end('engine', null, null)],
  ])('is what a start ended with: %s', (_, cause) => {
    expect(sandboxEnd(new StartupError('it did not start', { cause }))).toBe(cause)
  })

  it.each([
    ['a supervisor that ended by itself', new StartupError('it did not start', { cause: end('exited', 127, null) })],
    ['a start that took too long', new StartupError('not ready in time', { cause: new Error('timeout') })],
    ['another failure', new EngineUnavailableError('no engine')],
    ['no error of ours', null],
  ])('is none for %s', (_, error) => {
    expect(sandboxEnd(error)).toBeNull()
  })
})
