import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import {
  ContainerSandbox,
  DockerDriver,
  EngineUnavailableError,
  InvalidOptionsError,
  SandboxError,
  SandboxExitedError,
  type SandboxOptions,
} from '../../../src/index.js'
import { PrivateEngine } from '../../helpers/engine.js'
import { fixtureProgram } from '../../helpers/programs.js'
import { rejection } from '../../helpers/sandboxes.js'

/** What everything that waits may take after the engine went away: the forced end, and what leads to it. */
const SETTLED_WITHIN_MS = 25_000

let engine: PrivateEngine
/** A folder with a second socket of it, where no engine listens by default. */
let places: string
const drivers: DockerDriver[] = []
const sandboxes: ContainerSandbox[] = []

const openDriver = () => {
  const timeouts = { requestTimeoutMs: 3_000, createTimeoutMs: 5_000, startTimeoutMs: 5_000 }
  const driver = new DockerDriver({ host: engine.host, sweep: false, ...timeouts })
  drivers.push(driver)
  return driver
}
const create = async (options: SandboxOptions = {}) => {
  const sandbox = new ContainerSandbox({ driver: openDriver(), program: fixtureProgram('values.js'), ...options })
  sandboxes.push(sandbox)
  await sandbox.start()
  return sandbox
}
/** What that engine has of a sandbox, when it is back. */
const left = async (sandbox: ContainerSandbox) =>
  (await openDriver().list()).filter((container) => container.name.includes(sandbox.id))

beforeAll(async () => {
  places = join(mkdtempSync(join(tmpdir(), 'faults-')), 'places')
  mkdirSync(places)
  chmodSync(join(places, '..'), 0o755)
  engine = await PrivateEngine.start({ liveRestore: true, args: ['--host', `unix://${join(places, 'control')}`] })
  await (await create()).kill()
})
afterEach(async () => {
  engine.resume()
  await Promise.all(sandboxes.splice(0).map((sandbox) => sandbox.kill()))
  await Promise.all(drivers.splice(0).map((driver) => driver.close()))
})
afterAll(async () => {
  await engine[Symbol.asyncDispose]()
  rmSync(join(places, '..'), { recursive: true })
})

/** Everything that can wait in a sandbox, waiting; resolves with what each got, and how long the last one took. */
async function pendingWork(sandbox: ContainerSandbox) {
  await sandbox.fs.writeFile('/tmp/large', Buffer.alloc(30_000_000))
  const child = sandbox.spawn('sleep', ['1000'])
  await new Promise<void>((resolve) => child.once('spawn', resolve))
  const closed = new Promise<string | null>((resolve) => child.once('close', (_code, signal) => resolve(signal)))
  const exited = new Promise<SandboxExitedError>((resolve) => sandbox.once('exit', (_c, _s, error) => resolve(error)))
  const run = sandbox.run('sleep', ['1000'])
  const call = rejection(sandbox.rpc.call('sleep', [1_000_000]))
  const reading = rejection(child.stdout!.toArray())
  return async () => {
    const started = performance.now()
    const results = await Promise.all([exited, run, call, reading, closed])
    expect(performance.now() - started).toBeLessThan(SETTLED_WITHIN_MS)
    const [error, result, called, read, signal] = results
    expect(error).toBeInstanceOf(SandboxExitedError)
    expect(result).toMatchObject({ outcome: 'lost', error })
    expect([called, read, signal]).toEqual([error, error, 'SIGKILL'])
    expect(sandbox.state).toBe('exited')
    expect(await rejection(sandbox.run('true'))).toBe(error)
    return error
  }
}

describe('an engine that is killed', () => {
  it('and stays away: everything that waits is told, within its deadline', async () => {
    const sandbox = await create()
    const settle = await pendingWork(sandbox)
    await engine.kill()
    const error = await settle()
    expect(error.reason).toBe('engine')
    await engine.start()
  })

  it('and comes back: the channel is lost, so the sandbox ends, and its container is removed', async () => {
    const sandbox = await create()
    const settle = await pendingWork(sandbox)
    await engine.kill()
    await engine.start()
    const error = await settle()
    expect(error.reason).toBe('engine')
    await expect.poll(() => left(sandbox), { timeout: 20_000 }).toEqual([])
  })

  it('while a sandbox is killed: kill() comes to an end', async () => {
    const sandbox = await create({ timeouts: { killGraceMs: 1_000 } })
    const settle = await pendingWork(sandbox)
    const killed = sandbox.kill()
    await engine.kill()
    await killed
    expect((await settle()).reason).toBe('killed')
    await engine.start()
  })
})

describe('an engine that is stopped', () => {
  it('is found out by the pings, and everything that waits is told', async () => {
    const sandbox = await create({ timeouts: { pingIntervalMs: 200, lockupMs: 1_000 } })
    const settle = await pendingWork(sandbox)
    engine.pause()
    expect((await settle()).reason).toBe('lockup')
    engine.resume()
    await expect.poll(() => left(sandbox), { timeout: 40_000 }).toEqual([])
  })

  it('does not hold kill(), nor what asks it', async () => {
    const sandbox = await create({ timeouts: { killGraceMs: 500 } })
    const settle = await pendingWork(sandbox)
    engine.pause()
    expect(await rejection(sandbox.usage())).toBeInstanceOf(EngineUnavailableError)
    expect(await rejection(sandbox.isolation())).toBeInstanceOf(EngineUnavailableError)
    await sandbox.kill()
    expect((await settle()).reason).toBe('killed')
  })

  it('for a moment: nothing is lost', async () => {
    const sandbox = await create({ timeouts: { pingIntervalMs: 200, lockupMs: 5_000 } })
    const running = sandbox.shell('sleep 1; echo done')
    engine.pause()
    await delay(1_500)
    engine.resume()
    expect(await running).toMatchObject({ outcome: 'exited', stdout: 'done\n' })
    expect(sandbox.state).toBe('ready')
  })
})

describe('an engine that goes away during a start', () => {
  it.each([20, 60, 100, 150, 250])('killed after %i ms: a typed error, and nothing is left', async (delayMs) => {
    const sandbox = new ContainerSandbox({ driver: openDriver(), program: fixtureProgram('values.js') })
    const started = sandbox.start().then(
      () => null,
      (error: unknown) => error,
    )
    await delay(delayMs)
    await engine.kill()
    const error = await started
    // It may have been quicker than that; then it ends as a running one does.
    if (error !== null) expect(error).toBeInstanceOf(SandboxError)
    await sandbox.kill()
    expect(sandbox.state).toBe('exited')
    await engine.start()
    await expect.poll(() => left(sandbox), { timeout: 40_000 }).toEqual([])
  })
})

describe('an engine at a place of its own', () => {
  it.each([
    ['the folder of its socket', () => places],
    ['its socket', () => join(places, 'control')],
    ['what holds its data', () => engine.folder],
    ['its data', () => join(engine.folder, 'data/image')],
  ])('is mounted nowhere: %s', async (_name, place) => {
    const host = join(places, '../beside')
    rmSync(host, { recursive: true, force: true })
    mkdirSync(host)
    symlinkSync(place(), join(host, 'innocent'))
    const driver = new DockerDriver({ host: `unix://${join(places, 'control')}`, sweep: false })
    drivers.push(driver)
    for (const source of [place(), join(host, 'innocent')]) {
      const error = await rejection(create({ driver, mounts: [{ source, target: '/engine' }] }))
      expect(error).toBeInstanceOf(InvalidOptionsError)
      expect((error as Error).message).toMatch(/^mounts\[0\]\.source .*(?:of|to) the engine in use/)
    }
    const sandbox = await create({ driver, mounts: [{ source: host, target: '/engine' }] })
    expect((await sandbox.run('ls', ['/engine'])).stdout).toBe('innocent\n')
  })
})
