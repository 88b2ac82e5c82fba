/** A supervisor that plays along only in part while a program is reloaded: the host's own deadlines must hold. */
import { afterEach, expect, test, vi } from 'vitest'
import { ProtocolError, SandboxExitedError } from '../../../src/errors.js'
import { fakeSandbox, type FakeContainer, type FakeSandbox } from '../../helpers/fake-container.js'
import { writeProgram } from '../../helpers/programs.js'

afterEach(() => void vi.useRealTimers())

interface Started extends FakeSandbox {
  readonly container: FakeContainer
  /** The parameters of each `program.start`. */
  readonly starts: Record<string, unknown>[]
}

/** A sandbox whose programs are loaded as soon as they are started; what ends them is up to the test. */
async function withProgram(): Promise<Started> {
  const starts: Record<string, unknown>[] = []
  const fake = fakeSandbox(
    (container) => {
      container.onRequest(({ id, method, params }) => {
        if (method === 'ping') container.say({ id, result: {} })
        if (method !== 'program.start') return
        starts.push(params)
        container.say({ id, result: { pid: 7 } })
        // `$/load` is the first call on each channel.
        setImmediate(() => setImmediate(() => container.say({ id: 1, result: {} }, params['channel'] as number)))
      })
      container.ready()
    },
    { program: writeProgram(''), timeouts: { killGraceMs: 50, pingIntervalMs: null } },
  )
  await fake.lifecycle.start()
  return { ...fake, container: fake.containers[0] as FakeContainer, starts }
}

function exit(container: FakeContainer, commandId: number): void {
  const counts = { cpuMs: 0, maxRssBytes: 0, leftovers: 0, oomKills: 0, stdoutBytes: 0, stderrBytes: 0 }
  container.say({ method: 'exit', params: { commandId, exitCode: null, signal: 15, cause: 'none', ...counts } })
}

const rejected = (promise: Promise<unknown>) => promise.then(String, (error: unknown) => error)

test('each program has a channel, a command id and streams of its own', async () => {
  const { lifecycle, container, starts } = await withProgram()
  for (let round = 0; round < 3; round += 1) {
    const reloading = lifecycle.program.reload({})
    await vi.waitFor(() => expect(lifecycle.program.running).toBeNull(), { timeout: 10_000 })
    exit(container, starts.at(-1)?.['commandId'] as number)
    await reloading
  }
  expect(starts.length).toBe(4)
  expect(starts[0]).toMatchObject({ commandId: 0, channel: 1 })
  for (const name of ['commandId', 'channel']) expect(new Set(starts.map((start) => start[name])).size).toBe(4)
  const streams = starts.flatMap(({ channel, stdout, stderr }) => [channel, stdout, stderr])
  expect(new Set(streams).size).toBe(12)
  await lifecycle.kill()
})

test('a supervisor that never reports the end of the old program ends the sandbox', async () => {
  const { lifecycle } = await withProgram()
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const reloading = rejected(lifecycle.program.reload({}))
  const waiting = rejected(lifecycle.program.rpc.call('x'))
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  // The file of the program is read in real time, before any deadline begins.
  while (lifecycle.program.running !== null) await turn()
  for (let passed = 0; passed < 60_000 && lifecycle.state !== 'exited'; passed += 1_000) {
    vi.advanceTimersByTime(1_000)
    for (let turns = 0; turns < 10; turns += 1) await turn()
  }
  expect(lifecycle.state).toBe('exited')
  const error = await waiting
  expect(error).toBeInstanceOf(SandboxExitedError)
  expect(error).toMatchObject({ reason: 'protocol', cause: expect.any(ProtocolError) as unknown })
  expect(await reloading).toBe(error)
})

test.each<[string, number]>([
  ['an old program twice', 0],
  ['a program that was never started', 9],
])('a supervisor that reports the end of %s breaks the protocol', async (_name, commandId) => {
  const { lifecycle, container } = await withProgram()
  const reloading = rejected(lifecycle.program.reload({}))
  await vi.waitFor(() => expect(lifecycle.program.running).toBeNull(), { timeout: 10_000 })
  exit(container, 0)
  await reloading
  exit(container, commandId)
  await vi.waitFor(() => expect(lifecycle.state).toBe('exited'), { timeout: 10_000 })
})

test('what an old program still says, or is still answered, concerns nobody', async () => {
  const { lifecycle, container, starts } = await withProgram()
  let answer: (value: string) => void = () => undefined
  const calls: unknown[] = []
  lifecycle.program.rpc.expose('ask', (n: number) => {
    calls.push(n)
    return new Promise((resolve) => (answer = resolve))
  })
  container.say({ id: 5, method: 'ask', params: [1] }, 1)
  await vi.waitFor(() => expect(calls).toEqual([1]), { timeout: 10_000 })
  const reloading = lifecycle.program.reload({})
  await vi.waitFor(() => expect(lifecycle.program.running).toBeNull(), { timeout: 10_000 })
  container.say({ id: 6, method: 'ask', params: [2] }, 1)
  container.say({ id: 99, result: 'forged' }, 1)
  exit(container, 0)
  await reloading
  answer('late')
  // The ids of the new channel are its own: one that the old one used is no violation.
  container.say({ id: 5, method: 'ask', params: [3] }, starts[1]?.['channel'] as number)
  await vi.waitFor(() => expect(calls).toEqual([1, 3]), { timeout: 10_000 })
  expect(lifecycle.state).toBe('ready')
  await lifecycle.kill()
})
