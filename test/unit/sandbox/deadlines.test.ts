/** A supervisor that answers every ping and reports no end: the host's own deadlines must hold. */
import { afterEach, expect, test, vi } from 'vitest'
import { SandboxExitedError } from '../../../src/errors.js'
import { parseArgv, parseCommandOptions } from '../../../src/options/index.js'
import { followCommand, runRequest } from '../../../src/sandbox/run-command.js'
import { fakeSandbox } from '../../helpers/fake-container.js'

afterEach(() => void vi.useRealTimers())

async function honestPings(answersSignals: boolean) {
  const fake = fakeSandbox(
    (container) => {
      container.onRequest(({ id, method }) => {
        if (method === 'ping') container.say({ id, result: {} })
        if (method === 'spawn') container.say({ id, result: { pid: 5 } })
        if (method === 'signal' && answersSignals) container.say({ id, result: { delivered: true } })
      })
      container.ready()
    },
    { limits: { lifetimeMs: 3_600_000 } },
  )
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  await fake.lifecycle.start()
  return fake
}

/** Advances the clock in steps in which pings can be answered. */
async function pass(ms: number, stepMs: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    vi.advanceTimersByTime(stepMs)
    for (let turn = 0; turn < 4; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  }
}

test.each([true, false])(
  'a command that is never reported as ended ends the sandbox, signals answered: %s',
  async (answers) => {
    const { lifecycle } = await honestPings(answers)
    const options = parseCommandOptions({ timeoutMs: 300 })
    const result = followCommand(lifecycle.spawn(runRequest(parseArgv('x', []), options)), options, 100)
    await pass(25_000, 500)
    expect(lifecycle.state).toBe('ready')
    await pass(10_000, 500)
    expect(await result).toMatchObject({ outcome: 'timeout', error: { reason: 'protocol' } })
  },
)

test('an output that never ends does not keep a command that has ended', async () => {
  const { lifecycle, containers } = await honestPings(true)
  const options = parseCommandOptions({})
  const result = followCommand(lifecycle.spawn(runRequest(parseArgv('x', []), options)), options, 100)
  const settled = result.catch((error: unknown) => error)
  await pass(10, 10)
  containers[0]?.say({
    method: 'exit',
    params: {
      commandId: 1,
      exitCode: 0,
      signal: null,
      cpuMs: 1,
      maxRssBytes: 1,
      leftovers: 0,
      cause: 'none',
      oomKills: 0,
      stdoutBytes: 0,
      stderrBytes: 0,
    },
  })
  await pass(35_000, 500)
  expect(await settled).toMatchObject({ code: 'ERR_PROTOCOL' })
})

test('a lifetime that the inside does not keep is kept by the host', async () => {
  const { lifecycle, events } = await honestPings(true)
  await pass(3_590_000, 1_000)
  expect(lifecycle.state).toBe('ready')
  await pass(30_000, 1_000)
  expect(lifecycle.state).toBe('exited')
  expect(events.find((event) => event instanceof SandboxExitedError)).toMatchObject({ reason: 'lifetime' })
})
