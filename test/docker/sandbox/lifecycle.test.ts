import { afterEach, describe, expect, it } from 'vitest'
import {
  ContainerSandbox,
  ImageError,
  InvalidStateError,
  SandboxExitedError,
  type SandboxOptions,
} from '../../../src/index.js'
import { containersOf, engine, rejection, withSandbox } from '../../helpers/sandboxes.js'

const made: ContainerSandbox[] = []
const make = (options: SandboxOptions = {}) => {
  const sandbox = new ContainerSandbox(options)
  made.push(sandbox)
  return sandbox
}
afterEach(async () => {
  await Promise.all(made.splice(0).map((sandbox) => sandbox.kill()))
})

describe('a life', () => {
  it('goes from created to exited, and leaves nothing behind', async () => {
    const sandbox = make()
    const events: string[] = []
    sandbox.on('ready', () => events.push('ready'))
    sandbox.on('exit', (exitCode, signal, error) => events.push(`exit ${error.reason}`))
    expect([sandbox.state, sandbox.containerId, sandbox.user]).toEqual(['created', null, null])
    await sandbox.start()
    expect(sandbox.state).toBe('ready')
    expect(sandbox.user).toMatchObject({ name: null, uid: expect.any(Number) as number })
    expect(await containersOf(sandbox.id)).toEqual([sandbox.containerId])
    await sandbox.kill()
    expect(sandbox.state).toBe('exited')
    expect(await containersOf(sandbox.id)).toEqual([])
    expect(events).toEqual(['ready', 'exit killed'])
  })

  it('is killed once, however often it is asked', async () => {
    const sandbox = make()
    await sandbox.start()
    let exits = 0
    sandbox.on('exit', () => (exits += 1))
    await Promise.all([sandbox.kill(), sandbox.kill(), sandbox[Symbol.asyncDispose]()])
    await sandbox.kill()
    expect(exits).toBe(1)
  })

  it('can be killed before it starts, and then does not start', async () => {
    const sandbox = make()
    await sandbox.kill()
    expect(await rejection(sandbox.start())).toMatchObject({ code: 'ERR_SANDBOX_EXITED', reason: 'killed' })
  })

  it('that cannot start tells why in its end', async () => {
    const sandbox = make({ base: 'container-sandbox/no-such-image' })
    const ends: SandboxExitedError[] = []
    sandbox.on('exit', (_code, _signal, error) => ends.push(error))
    const error = await rejection(sandbox.start())
    expect(error).toBeInstanceOf(ImageError)
    expect(ends).toMatchObject([{ reason: 'startup', cause: error }])
    expect(await rejection(sandbox.run('true'))).toBe(ends[0])
  })

  it('can be killed while it starts', async () => {
    for (const delayMs of [0, 5, 20, 40, 80, 120]) {
      const sandbox = make()
      const started = sandbox.start().catch((error: unknown) => error)
      await new Promise((resolve) => setTimeout(resolve, delayMs))
      await sandbox.kill()
      expect(sandbox.state).toBe('exited')
      // On a fast machine the last of them may have become ready first; that is an end like any other.
      if (delayMs < 40) expect(await started).toBeInstanceOf(SandboxExitedError)
      await started
      expect(await containersOf(sandbox.id)).toEqual([])
    }
  })

  it('ends when its signal aborts, before or after it is ready', async () => {
    const reason = new Error('enough')
    expect(await rejection(ContainerSandbox.create({ signal: AbortSignal.abort(reason) }))).toBe(reason)

    const during = new AbortController()
    const starting = make({ signal: during.signal })
    const started = rejection(starting.start())
    setTimeout(() => during.abort(reason), 100)
    await started
    expect(await containersOf(starting.id)).toEqual([])

    const after = new AbortController()
    const sandbox = make({ signal: after.signal })
    await sandbox.start()
    const exited = new Promise((resolve) => sandbox.once('exit', resolve))
    after.abort(reason)
    await exited
    expect(await containersOf(sandbox.id)).toEqual([])
  })

  it('is not ready for anything before start', async () => {
    const sandbox = make()
    expect(() => sandbox.spawn('true')).toThrow(InvalidStateError)
    expect(await rejection(sandbox.run('true'))).toBeInstanceOf(InvalidStateError)
    expect(await rejection(sandbox.fs.readFile('/etc/passwd'))).toBeInstanceOf(InvalidStateError)
    expect(await rejection(sandbox.ping())).toBeInstanceOf(InvalidStateError)
  })

  it('answers every call after the end with how it ended', async () => {
    const sandbox = make()
    await sandbox.start()
    await sandbox.kill()
    const calls = [
      () => sandbox.run('true'),
      () => sandbox.ping(),
      () => sandbox.usage(),
      () => sandbox.isolation(),
      () => sandbox.rpc.call('x'),
      () => sandbox.fs.stat('/'),
    ]
    for (const call of calls)
      expect(await rejection(call())).toMatchObject({ code: 'ERR_SANDBOX_EXITED', reason: 'killed' })
  })
})

describe('an end from elsewhere', () => {
  const pendingWork = (sandbox: ContainerSandbox) => ({
    run: sandbox.run('sleep', ['100']),
    wait: new Promise<string | null>((resolve) =>
      sandbox.spawn('sleep', ['100']).once('exit', (_code, signal) => resolve(signal)),
    ),
    exited: new Promise<SandboxExitedError>((resolve) =>
      sandbox.once('exit', (_code, _signal, error) => resolve(error)),
    ),
  })
  const running = async (sandbox: ContainerSandbox) => {
    const child = sandbox.spawn('sleep', ['100'])
    await new Promise<void>((resolve) => child.once('spawn', resolve))
    return child
  }

  it('is told when the engine kills the container', async () => {
    const sandbox = make()
    await sandbox.start()
    const pending = pendingWork(sandbox)
    const child = await running(sandbox)
    const reading = child.stdout!.toArray().catch((error: unknown) => error)
    await engine.getContainer(sandbox.containerId!).kill()
    expect(await pending.exited).toMatchObject({ reason: 'exited', exitCode: 137 })
    expect(await pending.run).toMatchObject({ outcome: 'lost', error: { exitCode: 137 } })
    expect(await pending.wait).toBe('SIGKILL')
    // The kernel kills one process after the other: the supervisor may have told the end of this output before its own.
    const read = await reading
    if (!Array.isArray(read)) expect(read).toBeInstanceOf(SandboxExitedError)
    expect(await containersOf(sandbox.id)).toEqual([])
  })

  it('is told when somebody removes the container', async () => {
    const sandbox = make()
    await sandbox.start()
    const pending = pendingWork(sandbox)
    await running(sandbox)
    await engine.getContainer(sandbox.containerId!).remove({ force: true })
    expect((await pending.exited).reason).toMatch(/exited|engine/)
    expect(await pending.run).toMatchObject({ outcome: 'lost' })
  })

  it('is told when the guest kills everything that it can', async () => {
    const sandbox = make()
    await sandbox.start()
    const pending = pendingWork(sandbox)
    await running(sandbox)
    const result = await sandbox.shell('kill -9 -1')
    expect(result).toMatchObject({ outcome: 'lost' })
    expect(await pending.exited).toMatchObject({ code: 'ERR_SANDBOX_EXITED' })
    expect(await containersOf(sandbox.id)).toEqual([])
  })

  it('ends at its lifetime, by the clock inside', async () => {
    const sandbox = make({ limits: { lifetimeMs: 4_000 } })
    await sandbox.start()
    const pending = pendingWork(sandbox)
    expect(await pending.exited).toMatchObject({ reason: 'lifetime', exitCode: 124 })
    expect(await pending.run).toMatchObject({ outcome: 'lost' })
  })

  it('ends at its lifetime although the guest stopped the supervisor', async () => {
    const sandbox = make({ limits: { lifetimeMs: 4_000 }, timeouts: { pingIntervalMs: 60_000 } })
    await sandbox.start()
    const pending = pendingWork(sandbox)
    sandbox.spawn('/bin/sh', ['-c', 'kill -STOP 2; kill -STOP -1'])
    expect(await pending.exited).toMatchObject({ reason: 'lifetime' })
  })

  it('ends a sandbox whose supervisor stopped answering, and says so', async () => {
    const sandbox = make({ timeouts: { pingIntervalMs: 100, lockupMs: 500 } })
    await sandbox.start()
    const lockup = new Promise<unknown>((resolve) => sandbox.once('lockup', resolve))
    const exited = new Promise<unknown>((resolve) => sandbox.once('exit', (_code, _signal, error) => resolve(error)))
    sandbox.spawn('/bin/sh', ['-c', 'kill -STOP -1'])
    expect(await lockup).toMatchObject({ code: 'ERR_LOCKUP', details: { target: 'shovel' } })
    expect(await exited).toMatchObject({ reason: 'lockup' })
  })

  it('tells a supervisor that is silent because the memory is full', async () => {
    const sandbox = make({ limits: { memoryBytes: '256MiB' }, timeouts: { pingIntervalMs: 100, lockupMs: 5_000 } })
    const exited = new Promise<unknown>((resolve) => sandbox.once('exit', (_code, _signal, error) => resolve(error)))
    await sandbox.start()
    // What the kernel may do to it for long, without the chance: it stands still, and the memory is nearly full and stays so.
    const fill = `
      const fs = require('fs')
      const limit = 256 << 20
      const read = (names) => {
        for (const name of names) try { return fs.readFileSync('/sys/fs/cgroup/' + name, 'utf8') } catch {}
      }
      const used = () => {
        const inactive = /^inactive_file (\\d+)/m.exec(read(['memory/memory.stat', 'memory.stat']))
        return read(['memory/memory.usage_in_bytes', 'memory.current']) - inactive[1]
      }
      const held = []
      while (used() < 0.95 * limit) held.push(Buffer.alloc(1 << 20, 1))
      const shovel = '/.sandbox/lib/ld.so'
      const isShovel = (pid) => pid > 1 && fs.readFileSync('/proc/' + pid + '/cmdline', 'latin1').startsWith(shovel)
      process.kill(fs.readdirSync('/proc').map(Number).find(isShovel), 'SIGSTOP')
      setInterval(() => held.length, 1_000)
    `
    const { outcome } = await sandbox.run('node', ['-e', fill])
    expect(await exited).toMatchObject({ reason: 'oom', cause: { code: 'ERR_LOCKUP' } })
    expect(outcome).toBe('oom')
  })
})

describe('kill', () => {
  it('asks first: a command can clean up within the grace', async () => {
    const sandbox = make({ timeouts: { killGraceMs: 5_000 } })
    await sandbox.start()
    const child = sandbox.spawn('/bin/sh', [
      '-c',
      'trap "echo bye; exit 7" TERM; echo up; while :; do sleep 0.05; done',
    ])
    const output: string[] = []
    child.stdout!.on('data', (chunk: Buffer) => output.push(chunk.toString()))
    await new Promise((resolve) => child.stdout!.once('data', resolve))
    const exited = new Promise((resolve) => child.once('exit', resolve))
    await sandbox.kill()
    expect(await exited).toBe(7)
    expect(output.join('')).toBe('up\nbye\n')
  })

  it('forces what does not listen, after the grace', async () => {
    const sandbox = make({ timeouts: { killGraceMs: 300 } })
    await sandbox.start()
    const child = sandbox.spawn('/bin/sh', ['-c', 'trap "" TERM; echo up; while :; do sleep 1; done'])
    await new Promise((resolve) => child.stdout!.once('data', resolve))
    const started = performance.now()
    await sandbox.kill()
    expect(performance.now() - started).toBeGreaterThan(290)
    expect(await containersOf(sandbox.id)).toEqual([])
  })
})

describe('what is reported', () => {
  it('counts usage and reads isolation back', async () => {
    await withSandbox({ limits: { memoryBytes: '300MiB', pids: 77 } }, async (sandbox) => {
      const usage = await sandbox.usage()
      expect(usage.memoryLimitBytes).toBe(300 * 1024 * 1024)
      expect(usage.memoryBytes).toBeGreaterThan(1024 * 1024)
      expect(usage.pids).toBeGreaterThan(1)
      const isolation = await sandbox.isolation()
      expect(isolation).toMatchObject({ verified: true, kernel: { source: 'host', cgroup: { pids: 77 } } })
      expect(isolation.kernel.threads.every((thread) => thread.seccompMode === 2 && thread.noNewPrivs)).toBe(true)
      expect(await sandbox.ping()).toBeGreaterThan(0)
    })
  })
})
