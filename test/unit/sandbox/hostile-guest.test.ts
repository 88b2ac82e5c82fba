import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import {
  CapacityError,
  LockupError,
  PolicyMismatchError,
  ProtocolError,
  SandboxExitedError,
  StartupError,
} from '../../../src/errors.js'
import type { SandboxOptions } from '../../../src/options/index.js'
import { followCommand, runRequest, type CommandResult } from '../../../src/sandbox/run-command.js'
import { SandboxFileSystem } from '../../../src/sandbox/file-system.js'
import { parseArgv, parseCommandOptions } from '../../../src/options/index.js'
import type { Lifecycle } from '../../../src/sandbox/lifecycle.js'
import { READY, fakeSandbox, type FakeContainer, type FakeSandbox } from '../../helpers/fake-container.js'
import { credit, data, end, frame, message, reset } from '../../helpers/wire.js'
import { heldBytes } from '../../helpers/memory.js'

const rejected = (promise: Promise<unknown>) =>
  promise.then(
    () => new Error('it resolved'),
    (error: unknown) => error,
  )

function run(lifecycle: Lifecycle): Promise<CommandResult> {
  const options = parseCommandOptions({})
  return followCommand(lifecycle.spawn(runRequest(parseArgv('x', []), options)), options, 100)
}

async function ready(options: SandboxOptions = {}): Promise<FakeSandbox & { container: FakeContainer }> {
  const fake = fakeSandbox((container) => container.ready(), { timeouts: { pingIntervalMs: null }, ...options })
  await fake.lifecycle.start()
  return { ...fake, container: fake.containers[0]! }
}

/** The guest's identity is given back, the container was ended, and nothing is pending. */
function expectGone({ lifecycle, containers, released }: FakeSandbox): void {
  expect(lifecycle.state).toBe('exited')
  expect(containers[0]?.destroyed).toBeGreaterThan(0)
  expect(released()).toBe(1)
}

describe('before it is ready', () => {
  it.each<[string, (container: FakeContainer) => void, abstract new (...args: never[]) => Error, RegExp]>([
    ['stays silent', () => undefined, StartupError, /not ready within startupMs \(300 ms\): the supervisor/],
    ['sends garbage', (guest) => guest.send(Buffer.alloc(100, 0xff)), ProtocolError, /broke the protocol/],
    [
      'speaks another protocol',
      (guest) => guest.say({ method: 'ready', params: { ...READY, protocol: 2 } }),
      ProtocolError,
      /protocol/,
    ],
    [
      'is ready with more than that',
      (guest) => guest.say({ method: 'ready', params: { ...READY, more: 1 } }),
      ProtocolError,
      /ready/,
    ],
    [
      'is ready twice in one go',
      (guest) => {
        const text = message(JSON.stringify({ jsonrpc: '2.0', method: 'ready', params: READY }))
        guest.send(data(0, Buffer.concat([text, text])))
      },
      ProtocolError,
      /a second ready/,
    ],
    ['ends', (guest) => guest.exit({ exitCode: 125 }), StartupError, /exit code 125/],
    [
      'ends with words',
      (guest) => {
        guest.errorOutput.write('init: \u001b[31m no such file\n')
        setTimeout(() => guest.exit({ exitCode: 125 }), 50)
      },
      StartupError,
      /it said: init: \\u001b\[31m no such file/,
    ],
  ])('a guest that %s', async (_name, play, type, text) => {
    const fake = fakeSandbox(play, { timeouts: { startupMs: 300 } })
    const error = await rejected(fake.lifecycle.start())
    expect(error).toBeInstanceOf(type)
    expect((error as Error).message).toMatch(text)
    expectGone(fake)
  })

  it.each([
    ['is told as ended', 100, StartupError, /killed|supervisor ended \(SIGKILL\)/],
    ['is refused when it lives on', null, PolicyMismatchError, /facts from the host/],
  ])('a container of which the host sees nothing %s', async (_, endsAfterMs, kind, text) => {
    const fake = fakeSandbox((guest) => {
      const observe = guest.observe.bind(guest)
      guest.observe = async () => {
        if (endsAfterMs !== null) setTimeout(() => guest.exit({ exitCode: 137, signal: 'SIGKILL' }), endsAfterMs)
        return { ...(await observe()), kernel: null }
      }
      guest.ready()
    })
    const error = (await rejected(fake.lifecycle.start())) as Error
    expect(error).toBeInstanceOf(kind)
    expect(error.message).toMatch(text)
    expectGone(fake)
  })

  it('a guest that closes its stdout and goes on is lost after a while', async () => {
    const fake = fakeSandbox((guest) => guest.output.end(), { timeouts: { startupMs: 20_000 } })
    const error = await rejected(fake.lifecycle.start())
    expect(error).toBeInstanceOf(StartupError)
    expectGone(fake)
  })
})

describe('what no honest guest sends ends the sandbox with one typed error', () => {
  const json = (value: object) => message(JSON.stringify({ jsonrpc: '2.0', ...value }))
  const exit = (commandId: number, more: object = {}) =>
    json({
      method: 'exit',
      params: {
        commandId,
        exitCode: 0,
        signal: null,
        cpuMs: 0,
        maxRssBytes: 0,
        leftovers: 0,
        cause: 'none',
        oomKills: 0,
        stdoutBytes: 0,
        stderrBytes: 0,
        ...more,
      },
    })

  it.each<[string, Buffer]>([
    ['an unknown frame type', frame(9, 0, 'x')],
    ['a frame over the limit', Buffer.from([1, 0xff, 0xff, 0xff, 0, 0, 0, 0])],
    ['data on a stream that is not open', data(77, 'x')],
    ['END of a stream that is not open', end(77)],
    ['RESET of a stream that is not open', reset(77)],
    ['credit that was not spent', credit(2, 5)],
    ['END of the control stream', end(0)],
    ['a message over the limit', data(0, Buffer.from([0x7f, 0xff, 0xff, 0xff]))],
    ['no JSON', data(0, message('{]'))],
    ['invalid UTF-8', data(0, message(Buffer.from([0x22, 0xc3, 0x28, 0x22])))],
    ['nesting without end', data(0, message('['.repeat(1_000)))],
    ['a batch', data(0, message('[]'))],
    ['ready again', data(0, json({ method: 'ready', params: READY }))],
    ['an exit of a command that does not run', data(0, exit(5))],
    ['an exit of a program that was never started', data(0, exit(0))],
    ['an exit with a code of 999', data(0, exit(1, { exitCode: 999 }))],
    ['an exit twice', data(0, Buffer.concat([exit(1), exit(1)]))],
    [
      'an exit with a __proto__',
      data(0, message('{"jsonrpc":"2.0","method":"exit","params":{"__proto__":{"commandId":1}}}')),
    ],
    ['an answer without a call', data(0, json({ id: 50, result: {} }))],
    ['data beyond the window', Buffer.concat(Array.from({ length: 33 }, () => data(3, Buffer.alloc(65_535))))],
  ])('%s', async (_name, bytes) => {
    const fake = await ready()
    const { lifecycle, container, events } = fake
    const child = lifecycle.spawn(runRequest(parseArgv('x', []), parseCommandOptions({})))
    const running = run(lifecycle)
    const reading = rejected(new SandboxFileSystem(() => lifecycle.session).readFile('/x'))
    const pinging = rejected(lifecycle.ping())
    const closed = new Promise((resolve) => child.once('close', resolve))
    await delay(5)
    container.send(bytes)
    const error = (await pinging) as SandboxExitedError
    expect(error).toBeInstanceOf(SandboxExitedError)
    expect(error).toMatchObject({ reason: 'protocol', cause: { code: 'ERR_PROTOCOL' } })
    expect(await reading).toBe(error)
    expect(await running).toMatchObject({ outcome: 'lost', error })
    await closed
    expect(events).toEqual(['ready', error.cause, error])
    expectGone(fake)
  })
})

describe('a guest that answers nonsense', () => {
  it.each<[string, unknown]>([
    ['another shape', { pid: 'x' }],
    ['nothing', null],
  ])('to spawn: %s', async (_name, result) => {
    const fake = await ready()
    fake.container.onRequest(({ id }) => fake.container.say({ id, result }))
    expect(await run(fake.lifecycle)).toMatchObject({ outcome: 'lost', error: { reason: 'protocol' } })
    expectGone(fake)
  })

  it('to a file call', async () => {
    const fake = await ready()
    fake.container.onRequest(({ id }) =>
      fake.container.say({ id, result: { entries: [{ name: '../up', type: 'file' }] } }),
    )
    const files = new SandboxFileSystem(() => fake.lifecycle.session)
    expect(await rejected(files.readdir('/x'))).toBeInstanceOf(ProtocolError)
    await vi.waitFor(() => expectGone(fake), { timeout: 10_000 })
  })

  it('with an error of its own making: text is escaped, and the path is the one that was asked for', async () => {
    const fake = await ready()
    fake.container.onRequest(({ id }) =>
      fake.container.say({
        id,
        error: {
          code: -32012,
          message: '\u001b[31m',
          data: { errno: 'ENOENT', syscall: 'open', path: '/etc/\u001b[31mshadow' },
        },
      }),
    )
    const files = new SandboxFileSystem(() => fake.lifecycle.session)
    expect(await rejected(files.stat('/asked'))).toMatchObject({ code: 'ENOENT', message: "ENOENT: open '/asked'" })
  })
})

describe('a guest that lies about ends', () => {
  it('and says that a command exited, but never ends its output: the sandbox`s end settles it', async () => {
    const fake = await ready()
    const { container } = fake
    container.onRequest(({ id, method, params }) => {
      if (method !== 'spawn') return
      container.say({ id, result: { pid: 5 } })
      container.send(data(params['stdout'] as number, 'half'))
      const { commandId } = params
      const counts = { cpuMs: 0, maxRssBytes: 0, leftovers: 0, oomKills: 0, stdoutBytes: 4, stderrBytes: 0 }
      container.say({ method: 'exit', params: { commandId, exitCode: 0, signal: null, cause: 'none', ...counts } })
    })
    const running = run(fake.lifecycle)
    await delay(50)
    container.exit({ exitCode: 1 })
    expect(await running).toMatchObject({ outcome: 'lost', stdout: 'half', error: { exitCode: 1, reason: 'exited' } })
  })

  it('and answers a read, but never sends the file', async () => {
    const fake = await ready()
    fake.container.onRequest(({ id }) => fake.container.say({ id, result: { size: 10 } }))
    const reading = rejected(new SandboxFileSystem(() => fake.lifecycle.session).readFile('/x'))
    await delay(50)
    fake.container.exit({ exitCode: 1 })
    expect(await reading).toBeInstanceOf(SandboxExitedError)
  })

  it('and answers nothing: a signal ends the wait, and the stream', async () => {
    const fake = await ready()
    const abort = new AbortController()
    const files = new SandboxFileSystem(() => fake.lifecycle.session)
    const reading = rejected(files.readFile('/x', { signal: abort.signal }))
    abort.abort(new Error('enough'))
    expect(await reading).toMatchObject({ message: 'enough' })
    expect(fake.lifecycle.session.channel.multiplexer.openStreams).toBe(0)
  })

  it('and gives a stream up without a word of why', { timeout: 20_000 }, async () => {
    const fake = await ready()
    fake.container.onRequest(({ params }) => fake.container.send(reset(params['stream'] as number)))
    expect(await rejected(new SandboxFileSystem(() => fake.lifecycle.session).readFile('/x'))).toBeInstanceOf(
      ProtocolError,
    )
  })
})

describe('a guest that says too much or listens to nothing', () => {
  it('floods its stderr: the tail is kept, nothing grows', async () => {
    const fake = await ready()
    const before = heldBytes()
    for (let round = 0; round < 500; round++) {
      if (!fake.container.errorOutput.write(Buffer.alloc(1024 * 1024, 0x61)))
        await new Promise((resolve) => fake.container.errorOutput.once('drain', resolve))
    }
    expect(fake.lifecycle.session.stderrTail.length).toBe(4_096)
    expect(heldBytes() - before).toBeLessThan(200 * 1024 * 1024)
    await fake.lifecycle.kill()
  })

  it('calls and never reads the answers', { timeout: 60_000 }, async () => {
    const fake = await ready()
    const { multiplexer } = fake.lifecycle.session.channel
    let largest = 0
    for (let round = 0; fake.lifecycle.state === 'ready' && round < 2_000; round++) {
      const calls = Array.from({ length: 1_000 }, (_, id) =>
        message(JSON.stringify({ jsonrpc: '2.0', id: round * 1_000 + id, method: '界'.repeat(256) })),
      )
      for (const call of calls) fake.container.send(data(0, call))
      await delay(0)
      largest = Math.max(largest, multiplexer.queuedControlBytes)
    }
    await vi.waitFor(() => expect(fake.lifecycle.state).toBe('exited'), { timeout: 10_000 })
    expect(fake.events.at(-1)).toMatchObject({ reason: 'protocol' })
    expect(largest).toBeLessThan(129 * 1024 * 1024)
    expectGone(fake)
  })

  it('never reads what it is asked: calls are capped, pings find it out', async () => {
    const fake = await ready({ timeouts: { pingIntervalMs: 100, lockupMs: 300 } })
    const files = new SandboxFileSystem(() => fake.lifecycle.session)
    const calls = Array.from({ length: 2_000 }, () => rejected(files.stat('/x')))
    const errors = await Promise.all(calls)
    expect(errors.filter((error) => error instanceof CapacityError).length).toBe(2_000 - 1_024)
    expect(errors.filter((error) => error instanceof SandboxExitedError).length).toBe(1_024)
    expect(fake.events).toEqual([
      'ready',
      expect.any(LockupError),
      expect.any(LockupError),
      expect.any(SandboxExitedError),
    ])
    expectGone(fake)
  })
})
