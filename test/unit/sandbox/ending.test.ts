import { describe, expect, it } from 'vitest'
import { ProtocolError } from '../../../src/errors.js'
import type { ContainerExit } from '../../../src/driver/driver.js'
import { describeEnding, signalName, signalNumber } from '../../../src/sandbox/ending.js'

const exit: ContainerExit = { exitCode: 0, signal: null, oomKilled: false, cause: 'exited' }

describe('describeEnding', () => {
  it.each<[string, Partial<ContainerExit>, string]>([
    ['the supervisor ended', {}, 'exited'],
    ['init ended it at its lifetime', { exitCode: 124 }, 'lifetime'],
    ['the kernel killed it for memory', { exitCode: 137, signal: 'SIGKILL', oomKilled: true }, 'oom'],
    ['a child was killed for memory, but it ended well', { oomKilled: true }, 'exited'],
    ['the engine lost it', { exitCode: null, cause: 'lost' }, 'engine'],
  ])('%s', (_name, facts, reason) => {
    const error = describeEnding({ ...exit, ...facts }, null)
    expect(error).toMatchObject({
      code: 'ERR_SANDBOX_EXITED',
      reason,
      exitCode: facts.exitCode ?? (facts.exitCode === null ? null : 0),
    })
  })

  it('keeps the cause that the host recorded, whatever the exit looks like', () => {
    const cause = new ProtocolError('bad frame')
    const error = describeEnding({ ...exit, exitCode: 137, oomKilled: true }, { reason: 'protocol', error: cause })
    expect(error).toMatchObject({ reason: 'protocol', cause })
  })
})

describe('signals', () => {
  it('translates both ways', () => {
    expect(signalName(9)).toBe('SIGKILL')
    expect(signalName(null)).toBeNull()
    expect(signalName(40)).toBe('SIG40')
    expect(signalNumber('SIGTERM')).toBe(15)
    expect(signalNumber(0)).toBe(0)
  })

  it.each(['SIGNOPE', 'constructor', '__proto__', 65, -1, 1.5, Number.NaN])('knows no %s', (signal) => {
    expect(signalNumber(signal as NodeJS.Signals)).toBeNull()
  })
})
