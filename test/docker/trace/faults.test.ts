/** What becomes of a traced sandbox when its tracer, or the engine, fails: it never goes on untraced. */
import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { SandboxExitedError } from '../../../src/index.js'
import {
  ContainerSandbox,
  DockerDriver,
  InvalidOptionsError,
  InvalidStateError,
  JailbreakError,
  SandboxError,
  TraceUnavailableError,
  type SandboxOptions,
} from '../../../src/index.js'
import { LABELS } from '../../../src/policy/labels.js'
import { PrivateEngine } from '../../helpers/engine.js'
import { containersOf, engine, rejection } from '../../helpers/sandboxes.js'

const sandboxes: ContainerSandbox[] = []
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trace-faults-'))
})
afterEach(async () => {
  await Promise.all(sandboxes.splice(0).map((sandbox) => sandbox.kill()))
})
afterAll(() => rm(folder, { recursive: true }))

async function create(options: SandboxOptions = {}): Promise<ContainerSandbox> {
  const sandbox = new ContainerSandbox({ trace: true, ...options })
  sandboxes.push(sandbox)
  await sandbox.start()
  return sandbox
}

/** The tracer's container, and the pids on this machine of what runs in it, by name. */
async function tracerOf({ id }: ContainerSandbox) {
  const filters = { label: [`${LABELS.sandboxId}=${id}`, `${LABELS.role}=tracer`] }
  const [summary] = await engine.listContainers({ filters })
  if (summary === undefined) throw new Error('there is no tracer')
  const pids = new Map<string, number>()
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      if (readFileSync(`/proc/${name}/cgroup`, 'utf8').includes(summary.Id))
        pids.set(readFileSync(`/proc/${name}/comm`, 'utf8').trim(), Number(name))
    } catch {
      // Processes come and go.
    }
  }
  return { container: engine.getContainer(summary.Id), pids }
}

const ended = (sandbox: ContainerSandbox) =>
  new Promise<SandboxExitedError>((resolve) => sandbox.once('exit', (_code, _signal, error) => resolve(error)))

/** Expects an end for want of a tracer: everything that waits is told, and nothing is left. */
async function expectTraceLost(
  sandbox: ContainerSandbox,
  run: Promise<{ outcome: string }>,
  exit: Promise<SandboxExitedError>,
) {
  const error = await exit
  expect(error).toMatchObject({ reason: 'trace' })
  expect(error.cause).toBeInstanceOf(TraceUnavailableError)
  expect(await run).toMatchObject({ outcome: 'lost' })
  expect(await containersOf(sandbox.id)).toEqual([])
}

describe('a tracer that is lost', () => {
  test.each([
    ['strace is killed', (pids: Map<string, number>) => process.kill(pids.get('strace') ?? 0, 'SIGKILL')],
    ['what starts strace is killed', (pids: Map<string, number>) => process.kill(pids.get('tracer') ?? 0, 'SIGKILL')],
  ])('%s: the sandbox ends', async (_what, attack) => {
    const sandbox = await create()
    const exit = ended(sandbox)
    const run = sandbox.shell('while :; do read x < /etc/passwd; done')
    await delay(300)
    attack((await tracerOf(sandbox)).pids)
    await expectTraceLost(sandbox, run, exit)
  })

  test('its container is removed: the sandbox ends', async () => {
    const sandbox = await create()
    const exit = ended(sandbox)
    const run = sandbox.shell('sleep 100')
    await delay(300)
    await (await tracerOf(sandbox)).container.remove({ force: true })
    await expectTraceLost(sandbox, run, exit)
  })

  test('strace is stopped: a command does not end untraced, and the sandbox can still be killed', async () => {
    const sandbox = await create({ trace: { maxLagMs: 1_000, onViolation: 'report' } })
    const exit = ended(sandbox)
    const { pids } = await tracerOf(sandbox)
    const run = sandbox.shell('read x < /etc/passwd')
    process.kill(pids.get('strace') ?? 0, 'SIGSTOP')
    await delay(1_500)
    const started = performance.now()
    await sandbox.kill()
    expect(performance.now() - started).toBeLessThan(15_000)
    expect(['lost', 'exited', 'jailbreak']).toContain((await run).outcome)
    await exit
    expect(await containersOf(sandbox.id)).toEqual([])
  })

  test('without its tracer the guest does nothing that names anything', async () => {
    const sandbox = await create({ writable: ['/work'] })
    const exit = ended(sandbox)
    const run = sandbox.shell('i=0; while :; do echo $i > /work/file; i=$((i+1)); done', { cwd: '/work' })
    await delay(300)
    const { pids } = await tracerOf(sandbox)
    process.kill(pids.get('strace') ?? 0, 'SIGKILL')
    const { stderr } = await run
    // The shell tells of every write that failed until the sandbox was ended.
    expect(stderr).toMatch(/Function not implemented/)
    await exit
  })
})

describe('a start', () => {
  test('that is aborted at any moment leaves nothing behind', async () => {
    for (const afterMs of [5, 50, 120, 200, 300, 400, 500, 650]) {
      const abort = new AbortController()
      const sandbox = new ContainerSandbox({ trace: true, signal: abort.signal })
      sandboxes.push(sandbox)
      setTimeout(() => abort.abort(new Error('enough')), afterMs)
      await sandbox.start().catch((error: unknown) => expect(error).toBeInstanceOf(Error))
      await sandbox.kill()
      expect(await containersOf(sandbox.id)).toEqual([])
    }
  })

  test('whose sandbox is killed while the tracer starts fails with a typed error', async () => {
    const driver = new DockerDriver()
    const create = driver.create.bind(driver)
    driver.create = async (spec, signal) => {
      const created = await create(spec, signal)
      const start = async () => {
        if (spec.pidNamespaceOf !== null) await engine.getContainer(spec.pidNamespaceOf).kill()
        return created.start()
      }
      return { ...created, start }
    }
    const sandbox = new ContainerSandbox({ trace: true, driver })
    expect(await rejection(sandbox.start())).toBeInstanceOf(TraceUnavailableError)
    expect(await containersOf(sandbox.id)).toEqual([])
    await driver.close()
  })

  test('whose tracer may not trace fails with the tracer’s words, and the guest never runs', async () => {
    const driver = new DockerDriver()
    const create = driver.create.bind(driver)
    driver.create = (spec, signal) =>
      create(spec.pidNamespaceOf === null ? spec : { ...spec, capabilities: [] }, signal)
    const sandbox = new ContainerSandbox({ trace: true, driver })
    const error = await rejection(sandbox.start())
    expect(error).toBeInstanceOf(TraceUnavailableError)
    expect((error as Error).message).toMatch(/could not attach.*not permitted/i)
    expect(await containersOf(sandbox.id)).toEqual([])
    await driver.close()
  })

  test('JK-D10: whose tracer says that it is attached and is not, ends before anything runs', async () => {
    const driver = new DockerDriver()
    const create = driver.create.bind(driver)
    // The gate is opened without any tracer: the init looks for itself.
    driver.create = async (spec, signal) => {
      const created = await create(spec, signal)
      const start = async () => {
        const handle = await created.start()
        handle.input.write('\n')
        return handle
      }
      return { ...created, start }
    }
    const sandbox = new ContainerSandbox({ trace: true, driver })
    expect(await rejection(sandbox.start())).toBeInstanceOf(SandboxError)
    expect(await containersOf(sandbox.id)).toEqual([])
    await driver.close()
  })
})

describe('an engine that is restarted', () => {
  let own: PrivateEngine
  beforeAll(async () => {
    own = await PrivateEngine.start()
  })
  afterAll(() => own[Symbol.asyncDispose]())

  test('ends a traced sandbox with a typed error, and leaves nothing', async () => {
    const driver = new DockerDriver({ host: own.host, sweep: false })
    const sandbox = await create({ driver })
    const exit = ended(sandbox)
    const run = sandbox.shell('sleep 100')
    await delay(300)
    await own.kill()
    await own.start()
    expect(['engine', 'trace', 'killed', 'exited']).toContain((await exit).reason)
    expect(await run).toMatchObject({ outcome: 'lost' })
    await driver.prune()
    expect((await driver.list()).filter(({ labels }) => labels[LABELS.sandboxId] === sandbox.id)).toEqual([])
    await driver.close()
  })
})

describe('decisions', () => {
  const read = (sandbox: ContainerSandbox) => sandbox.shell('cat /etc/passwd; echo after')

  test('a function that returns nothing lets the guest go on', async () => {
    const seen: string[] = []
    const sandbox = await create({ trace: { onViolation: ({ path }) => void seen.push(String(path)) } })
    expect(await read(sandbox)).toMatchObject({ outcome: 'exited', exitCode: 0 })
    expect(seen).toContain('/etc/passwd')
  })

  test.each<[string, () => Promise<'kill' | 'report'> | 'kill']>([
    ['returns kill', () => 'kill'],
    ['promises kill', () => delay(50).then(() => 'kill' as const)],
    [
      'throws',
      () => {
        throw new Error('broken')
      },
    ],
    ['rejects', () => Promise.reject(new Error('broken'))],
  ])('one that %s kills, also when the command has ended before the answer', async (_what, onViolation) => {
    const sandbox = await create({ trace: { onViolation } })
    const exit = ended(sandbox)
    expect(await read(sandbox)).toMatchObject({ outcome: 'jailbreak' })
    expect((await exit).cause).toBeInstanceOf(JailbreakError)
    expect(await containersOf(sandbox.id)).toEqual([])
  })
})

describe('the log', () => {
  test('holds every event, one JSON document a line, for nobody else to read', async () => {
    const log = join(folder, 'trace.ndjson')
    const sandbox = await create({ trace: { log, onViolation: 'report' } })
    await sandbox.shell('cat /etc/passwd; true')
    await sandbox.kill()
    const lines = (await readFile(log, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(lines[0]).toMatchObject({ kind: 'trace', sandboxId: sandbox.id })
    expect(lines.slice(1).map(({ seq }) => seq)).toEqual(lines.slice(1).map((_, index) => index + 1))
    expect(lines).toContainEqual(expect.objectContaining({ path: '/etc/passwd', allowed: false }))
    expect((await stat(log)).mode & 0o777).toBe(0o600)
  })

  test('whose disk is full ends the sandbox', async () => {
    const disk = join(folder, 'disk')
    execFileSync('mkdir', [disk])
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', disk])
    try {
      const sandbox = await create({ trace: { log: join(disk, 'log') } })
      const exit = ended(sandbox)
      const run = sandbox.shell('while :; do read x < /proc/version; done')
      await expectTraceLost(sandbox, run, exit)
    } finally {
      execFileSync('umount', ['--lazy', disk])
    }
  })

  test('that cannot be written keeps the sandbox from starting', async () => {
    const log = join(folder, 'taken.ndjson')
    await writeFile(log, 'mine')
    for (const path of [log, join(folder, 'missing', 'x')]) {
      expect(await rejection(ContainerSandbox.create({ trace: { log: path } }))).toBeInstanceOf(SandboxError)
    }
    expect(await readFile(log, 'utf8')).toBe('mine')
  })
})

test('a sandbox that is not traced has no trace', async () => {
  const sandbox = await create({ trace: false })
  expect(() => sandbox.trace.summary()).toThrow(InvalidStateError)
  expect(() => sandbox.trace.events()).toThrow(InvalidStateError)
})

test('gVisor is refused at once', async () => {
  const error = await rejection(ContainerSandbox.create({ trace: true, runtime: 'runsc' }))
  expect(error).toBeInstanceOf(InvalidOptionsError)
})

test('on this machine every thread of a traced sandbox has the tracer that was started', async () => {
  const sandbox = await create()
  const { kernel } = await sandbox.isolation()
  const { pids } = await tracerOf(sandbox)
  expect(new Set(kernel.threads.map(({ tracerPid }) => tracerPid))).toEqual(new Set([pids.get('strace')]))
  const status = execFileSync('cat', [`/proc/${pids.get('strace') ?? 0}/status`], { encoding: 'utf8' })
  expect(status).toMatch(/CapEff:\t0000000000080004/)
  expect(status).toMatch(/Seccomp:\t2/)
  expect(status).toMatch(/NoNewPrivs:\t1/)
})
