import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { DockerDriver } from '../../../src/driver/docker/index.js'
import type { ContainerHandle } from '../../../src/driver/driver.js'
import { LABELS } from '../../../src/policy/labels.js'
import { EngineRequestError } from '../../../src/errors.js'
import type { ContainerSpec } from '../../../src/policy/container-spec.js'
import { busyboxSpec, ensureBusyboxImage } from '../../helpers/busybox.js'
import { heldBytes } from '../../helpers/memory.js'

const driver = new DockerDriver({ sweep: false })
const handles: ContainerHandle[] = []

beforeAll(() => ensureBusyboxImage(driver.images))
afterEach(async () => {
  await Promise.all(handles.splice(0).map((handle) => handle.destroy()))
})
afterAll(() => driver.close())

async function launch(script: string, overrides: Partial<ContainerSpec> = {}): Promise<ContainerHandle> {
  const handle = await driver.launch(busyboxSpec(script, overrides))
  handles.push(handle)
  return handle
}

describe('stdio', () => {
  it('is attached before the first byte, both ways, streams apart', async () => {
    const handle = await launch('echo first; echo second >&2; cat')
    handle.input.end('to cat')
    expect(await text(handle.output)).toBe('first\nto cat')
    expect(await text(handle.errorOutput)).toBe('second\n')
    expect(await handle.exited).toEqual({ exitCode: 0, signal: null, oomKilled: false, cause: 'exited' })
  })

  it('gets nothing on stdin but what we write, a hundred times', async () => {
    for (let round = 0; round < 10; round += 1) {
      const outputs = await Promise.all(
        Array.from({ length: 10 }, async () => {
          const handle = await launch('exec cat')
          handle.input.end('x')
          const output = await text(handle.output)
          await handle.destroy()
          return output
        }),
      )
      expect(outputs).toEqual(Array<string>(10).fill('x'))
    }
  })

  it('reads end of file after end(), and its output goes on', async () => {
    const handle = await launch('cat >/dev/null; sleep 0.3; echo after')
    handle.input.end()
    expect(await text(handle.output)).toBe('after\n')
  })

  it('carries every byte of a large output and input', async () => {
    const megabytes = 16
    const handle = await launch('wc -c; head -c 16777216 /dev/zero')
    handle.input.end(Buffer.alloc(megabytes << 20, 'x'))
    const output = await text(handle.output)
    expect(output.slice(0, 9)).toBe(`${megabytes << 20}\n`)
    expect(output.length).toBe(9 + (megabytes << 20))
  })

  it('holds the writer back when nobody reads, without growing here', async () => {
    const handle = await launch('head -c 1000000000 /dev/zero; echo never >&2')
    const before = heldBytes()
    await delay(1_500)
    expect(heldBytes() - before).toBeLessThan(50 << 20)
    const state = await Promise.race([handle.exited, delay(10, 'running')])
    expect(state).toBe('running')
  })
})

describe('the end', () => {
  it.each([
    ['exit 7', { exitCode: 7, signal: null }],
    ['kill -9 $$; sleep 1; exit 9', { exitCode: 9, signal: null }],
    ['sh -c "kill -11 \\$\\$"; exit $?', { exitCode: 139, signal: 'SIGSEGV' }],
  ])('of %j is told by the engine', async (script, exit) => {
    expect(await (await launch(script)).exited).toMatchObject({ ...exit, cause: 'exited' })
  })

  it('by memory is told', async () => {
    const told: boolean[] = []
    // The engine learns of it by an event, which the end can overtake: it has told it by the third time.
    for (let round = 0; round < 3 && !told.includes(true); round += 1) {
      const { exitCode, oomKilled } = await (await launch('x=a; while true; do x=$x$x; done')).exited
      expect(exitCode).toBe(137)
      told.push(oomKilled)
    }
    expect(told).toContain(true)
  })

  it('by removal from outside is told', async () => {
    const handle = await launch('sleep 100')
    await driver.remove(handle.id)
    expect(await handle.exited).toMatchObject({ exitCode: 137, signal: 'SIGKILL' })
    await handle.destroy()
  })

  it('by destroy() is told, and destroy() twice is once', async () => {
    const handle = await launch('sleep 100')
    await Promise.all([handle.destroy(), handle.destroy()])
    await handle.destroy()
    expect(await handle.exited).toMatchObject({ exitCode: 137, signal: 'SIGKILL', cause: 'exited' })
    expect((await driver.list()).map(({ id }) => id)).not.toContain(handle.id)
  })

  it('of a process that ignores signals comes all the same', async () => {
    const handle = await launch('trap "" TERM INT HUP; while true; do sleep 1; done')
    const started = performance.now()
    await handle.destroy()
    expect(performance.now() - started).toBeLessThan(10_000)
  })
})

describe('observe()', () => {
  it('reads engine and kernel', async () => {
    const handle = await launch('sleep 100 & sleep 100 & wait')
    let observed = await handle.observe()
    // The shell forks both in its own time.
    await expect.poll(async () => (observed = await handle.observe()).kernel?.threads).toHaveLength(3)
    const { engine, kernel } = observed
    expect(engine).toMatchObject({
      user: '20001:20001',
      readOnlyRoot: true,
      capDrop: ['ALL'],
      network: 'none',
      networks: ['none'],
      ipc: 'private',
      memoryBytes: 64 << 20,
      memoryAndSwapBytes: 64 << 20,
      cpuCount: 1,
      pids: 32,
      logDriver: 'none',
      mounts: [],
    })
    expect(kernel).toMatchObject({
      source: 'host',
      interfaces: expect.arrayContaining(['lo']) as string[],
      privateNamespaces: { net: true, pid: true, ipc: true, uts: true, mnt: true },
      cgroup: { memoryBytes: 64 << 20, memoryAndSwapBytes: 64 << 20, pids: 32, cpuCount: 1 },
    })
    for (const thread of kernel?.threads ?? []) {
      expect(thread).toMatchObject({ uids: [20_001, 20_001, 20_001, 20_001], seccompMode: 2, noNewPrivs: true })
      expect(Object.values(thread.capabilities)).toEqual(Array<string>(5).fill('0000000000000000'))
    }
    const tmp = kernel?.mounts.find(({ target }) => target === '/tmp')
    expect(tmp?.options).toEqual(expect.arrayContaining(['rw', 'nosuid', 'nodev', 'noexec']))
    expect(tmp?.superOptions).toEqual(expect.arrayContaining(['size=1024k', 'nr_inodes=256', 'mode=700', 'uid=20001']))
    expect(kernel?.rlimits['Max open files']).toEqual({ soft: 256, hard: 256 })
  })

  it('shows what is missing when a protection is off', async () => {
    const seccomp = { defaultAction: 'SCMP_ACT_ALLOW', architectures: [], syscalls: [] }
    const handle = await launch('sleep 100', { seccomp, mounts: [{ source: '/etc', target: '/work', writable: true }] })
    const { engine, kernel } = await handle.observe()
    expect(engine.mounts).toEqual([{ type: 'bind', source: '/etc', target: '/work', writable: true }])
    expect(kernel?.mounts.find(({ target }) => target === '/work')?.options).toContain('rw')
  })

  it('of a container that ended has nothing from the kernel', async () => {
    const handle = await launch('true')
    await handle.exited
    expect((await handle.observe()).kernel).toBeNull()
  })
})

it('usage() is read at once', async () => {
  const handle = await launch('head -c 8000000 /dev/zero >/dev/null; sleep 100')
  const read = async () => {
    const started = performance.now()
    return { usage: await handle.usage(), ms: performance.now() - started }
  }
  let answer = await read()
  // Whoever asks within a second of another, for whichever container, gets what the engine reads at its end.
  for (let round = 0; round < 4 && answer.ms >= 900; round += 1) {
    await delay(1_300)
    answer = await read()
  }
  const { usage, ms } = answer
  expect(ms).toBeLessThan(900)
  expect(usage.memoryLimitBytes).toBe(64 << 20)
  expect(usage.memoryBytes).toBeGreaterThan(0)
  expect(usage.pids).toBeGreaterThan(0)
})

it('a read-only mount shows nothing of what is mounted below its source', async () => {
  const handle = await launch('ls /work', { mounts: [{ source: '/proc', target: '/work', writable: false }] })
  expect(await text(handle.output)).toContain('cpuinfo')
})

describe('a launch that the engine refuses leaves nothing', () => {
  it.each([
    ['an image that is not there', { image: 'container-sandbox-test/nothing:1' }, 404],
    ['a program that is not there', { argv: ['/nowhere'] }, 400],
    ['a runtime that is not there', { runtime: 'nonesuch' }, 400],
    ['a mount source that is not there', { mounts: [{ source: '/nowhere', target: '/work', writable: false }] }, 400],
    ['a network that is not there', { network: 'nonesuch' }, 404],
  ])('%s', async (_name, overrides, statusCode) => {
    const spec = busyboxSpec('true', overrides)
    const error = await driver.launch(spec).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(EngineRequestError)
    expect((error as EngineRequestError).details.statusCode).toBe(statusCode)
    const left = (await driver.list()).filter(
      ({ labels }) => labels[LABELS.sandboxId] === spec.labels[LABELS.sandboxId],
    )
    expect(left).toEqual([])
  })
})

it('info() tells what the engine is', async () => {
  const info = await driver.info()
  expect(info.local).toBe(true)
  expect(info.runtimes).toContain('runc')
  expect(info.facilities?.missingLimits).toEqual([])
})
