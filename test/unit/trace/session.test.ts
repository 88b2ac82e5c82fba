/** A trace goes on whatever its listeners do, and ends its sandbox when it is not heard any more. */
import { setImmediate, setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { SandboxError, TraceUnavailableError } from '../../../src/errors.js'
import type { ContainerSpec } from '../../../src/policy/index.js'
import { parseSandboxOptions, type SandboxOptions } from '../../../src/options/index.js'
import { TraceSession, type TraceHooks } from '../../../src/trace/session.js'
import { FakeContainer } from '../../helpers/fake-container.js'

const BEGIN = `1 1.000000 fork() = 10
10 1.000001 fork() = 11
11 1.000002 execve("/bin/sh", ["sh"], 0x7ffd /* 3 vars */) = 0
`

function openSession(trace: SandboxOptions['trace'], hooks: Partial<TraceHooks> = {}) {
  const [tracer, sandbox] = [new FakeContainer({} as ContainerSpec), new FakeContainer({} as ContainerSpec)]
  const options = parseSandboxOptions({ trace }).trace
  if (options === null) throw new Error('not traced')
  const context = { home: [], scratch: [], mounts: [] }
  const session = new TraceSession({ tracer, sandbox, options, context, log: null })
  const failures: TraceUnavailableError[] = []
  const killed: Error[] = []
  session.follow({
    onViolation: () => undefined,
    onJailbreak: (error) => killed.push(error),
    onFailure: (error) => failures.push(error),
    onError: () => undefined,
    ...hooks,
  })
  const say = async (text: string) => {
    tracer.output.write(text)
    await delay(10)
    // What was thrown is thrown in a turn of its own, which a timer that is late comes before.
    await setImmediate()
  }
  return { session, tracer, sandbox, failures, killed, say }
}

const thrown: unknown[] = []
function catchUncaught(): void {
  thrown.length = 0
  const before = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', (error) => thrown.push(error))
  restore = () => {
    process.removeAllListeners('uncaughtException')
    for (const listener of before) process.on('uncaughtException', listener)
  }
}
let restore = (): void => undefined
afterEach(() => restore())

describe('a listener that throws', () => {
  test('is thrown for, and everything behind the violation is read', async () => {
    catchUncaught()
    const failing = vi.fn(() => {
      throw new Error('from the listener')
    })
    const { session, say } = openSession({ onViolation: 'report' }, { onViolation: failing })
    await say(`${BEGIN}11 1.000003 unlink("/etc/a") = 0\n11 1.000004 unlink("/etc/b") = 0\n`)
    expect(failing).toHaveBeenCalledTimes(2)
    expect(session.summary().removed.map(({ path }) => path)).toEqual(['/etc/a', '/etc/b'])
    expect(thrown).toEqual([new Error('from the listener'), new Error('from the listener')])
  })

  test('does not keep a guest alive whose policy function failed', async () => {
    catchUncaught()
    const onError = (error: SandboxError) => {
      throw error
    }
    const onViolation = () => {
      throw new Error('from the policy function')
    }
    const { killed, say } = openSession({ onViolation }, { onError })
    await say(`${BEGIN}11 1.000003 unlink("/etc/a") = 0\n`)
    expect(killed).toHaveLength(1)
    expect(thrown).toHaveLength(1)
  })
})

describe('the end of what the tracer says', () => {
  test('while the tracer lives is the end of the sandbox', async () => {
    const { tracer, failures } = openSession(true)
    tracer.output.destroy(new Error('the engine hung up'))
    await vi.waitFor(() => expect(failures).toMatchObject([{ code: 'ERR_TRACE_UNAVAILABLE' }]), { timeout: 3_000 })
    expect(failures[0]?.message).toMatch(/connection to the tracer/)
  })

  test('with its sandbox is none, and tells the calls that never returned', async () => {
    const { session, tracer, sandbox, failures, say } = openSession(true)
    await say(`${BEGIN}11 1.000003 unlink("/etc/a" <unfinished ...>\n`)
    tracer.exit()
    sandbox.exit()
    await session.read
    expect(session.summary().counts.bySyscall).toMatchObject({ unlink: 1 })
    await delay(700)
    expect(failures).toEqual([])
  })

  test.each([
    ['is told when ends are missing that nobody asked for', '', true, 1],
    ['is the whole trace when every end was seen', '11 1.000009 +++ killed by SIGKILL +++\n', true, 0],
    ['is as it is when the sandbox was ended', '', false, 0],
  ])('before the end of the sandbox %s', async (_what, last, unasked, count) => {
    const errors: SandboxError[] = []
    const { session, say } = openSession(true, { onError: (error) => errors.push(error) })
    await say(BEGIN + last)
    await session.close({ unasked })
    expect(errors.map(({ code }) => code)).toEqual(Array(count).fill('ERR_TRACE_UNAVAILABLE'))
  })
})
