import { execFileSync, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { WorkspaceError } from '../../../src/errors.js'
import type { ContainerSandbox } from '../../../src/index.js'
import { readLoopDevices, readMounts } from '../../../src/runner/workspaces/host-mounts.js'
import { WorkspaceStore, type Workspace } from '../../../src/runner/workspaces/index.js'
import { rejection, withSandbox } from '../../helpers/sandboxes.js'

const MIB = 1024 ** 2

let folder: string
let store: WorkspaceStore
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'workspaces-'))
  store = new WorkspaceStore(join(folder, 'store'))
})
afterEach(async () => {
  await expectNothingLeft()
  rmSync(folder, { recursive: true, force: true })
})

const openDisk = (sizeBytes: number): Promise<Workspace> => store.open({ id: randomUUID(), sizeBytes, backing: 'disk' })

/** Everything of a store that this host still has: files, mounts, loop devices. */
async function left(place = join(folder, 'store')): Promise<string[]> {
  const inside = (path: string) => path.startsWith(place)
  const mounts = (await readMounts()).map(({ target }) => target).filter(inside)
  const loops = (await readLoopDevices()).map(({ file }) => file).filter(inside)
  return [...(existsSync(place) ? readdirSync(place) : []), ...mounts, ...loops]
}

/** A container that starts meanwhile has copies of all mounts for a moment, and a loop device stays for as long. */
const OTHERS = { timeout: 30_000, interval: 50 }
const expectNothingLeft = (place?: string) => expect.poll(() => left(place), OTHERS).toEqual([])

/** Runs `work` with a disk that nobody else writes to. */
async function withDisk(mount: readonly string[], work: (disk: string) => Promise<void>): Promise<void> {
  const disk = join(folder, 'disk')
  mkdirSync(disk)
  execFileSync('mount', [...mount, disk])
  try {
    await work(disk)
  } finally {
    await vi.waitFor(() => execFileSync('umount', [disk]), OTHERS)
  }
}

const own = (workspace: Workspace, { user }: ContainerSandbox): Promise<void> =>
  workspace.own(user?.uid ?? -1, user?.gid ?? -1)

/** A sandbox with an own disk workspace, which is gone when it is. */
async function withWorkspace(
  sizeBytes: number,
  work: (sandbox: ContainerSandbox, workspace: Workspace) => Promise<void>,
  of: WorkspaceStore = store,
): Promise<void> {
  const workspace = await of.open({ id: randomUUID(), sizeBytes, backing: 'disk' })
  try {
    const limits = { memoryBytes: '128MiB', scratchBytes: '16MiB' } as const
    await withSandbox({ mounts: workspace.mount === null ? [] : [workspace.mount], limits }, async (sandbox) => {
      await own(workspace, sandbox)
      await workspace.assertMounted(sandbox)
      await work(sandbox, workspace)
    })
  } finally {
    await workspace.close()
  }
}

describe('a disk workspace', () => {
  it('takes more than the memory of the sandbox, is full at its size, and takes nothing more of the host', async () => {
    const image = join(folder, 'disk.img')
    execFileSync('truncate', ['--size', '1G', image])
    execFileSync('mkfs.ext4', ['-q', '-F', image])
    await withDisk(['-o', 'loop', image], async (disk) => {
      const work = async (sandbox: ContainerSandbox, workspace: Workspace): Promise<void> => {
        const free = statfsSync(disk)
        const facts = await sandbox.shell('stat -c "%u %a" /workspace; ls -A /workspace')
        expect(facts.stdout).toBe(`${sandbox.user?.uid} 700\n`)
        const mount = await sandbox.shell('grep " /workspace " /proc/self/mountinfo')
        expect(mount.stdout).toMatch(/ rw,nosuid,nodev,noatime .* ext4 \/dev\/loop\d+ /)
        const device = await sandbox.shell('mknod /workspace/zero c 1 5')
        expect(device.stderr).toContain('Operation not permitted')
        const fill = await sandbox.shell(
          'head -c 200M /dev/zero > /workspace/a && echo fits; cat /dev/zero > /workspace/b',
        )
        expect(fill).toMatchObject({ stdout: 'fits\n', outcome: 'exited' })
        expect(fill.stderr).toContain('No space left on device')
        const usage = await workspace.usage()
        expect(usage?.bytes).toBeGreaterThan(225 * MIB)
        expect(usage?.bytes).toBeLessThanOrEqual(256 * MIB)
        const now = statfsSync(disk)
        expect((free.bfree - now.bfree) * now.bsize).toBeLessThan(10 * MIB)
        const rest = await sandbox.shell('rm /workspace/a && echo again > /workspace/c && cat /workspace/c')
        expect(rest.stdout).toBe('again\n')
      }
      await withWorkspace(256 * MIB, work, new WorkspaceStore(join(disk, 'store')))
    })
  })

  it('in memory the same ends at the memory', async () => {
    const limits = { memoryBytes: '128MiB', scratchBytes: '40MiB', shmBytes: '1MiB' } as const
    await withSandbox({ writable: ['/workspace'], limits }, async (sandbox) => {
      const fill = await sandbox.shell('head -c 200M /dev/zero > /workspace/a')
      expect(fill.stderr).toContain('No space left on device')
    })
  })

  it('runs out of bytes before inodes, and when files are empty out of those', async () => {
    await withWorkspace(2 * MIB, async (sandbox, workspace) => {
      const small = await sandbox.shell(
        'cd /workspace; i=0; while echo x > f$i; do i=$((i+1)); done 2>/dev/null; echo $i',
      )
      expect(Number(small.stdout)).toBeGreaterThan(300)
      const full = await workspace.usage()
      expect(full?.bytes).toBeGreaterThan(1.8 * MIB)
      expect(full?.inodes).toBeLessThan(512)
      const empty = await sandbox.shell('cd /workspace; rm f*; i=0; while : > e$i; do i=$((i+1)); done')
      expect(empty.stderr).toContain('No space left on device')
      expect((await workspace.usage())?.inodes).toBe(512)
    })
  })

  it('has no use for setuid bits and devices, unlike a folder of the host', async () => {
    const workspace = await openDisk(4 * MIB)
    try {
      await workspace.own(65_534, 65_534)
      const plain = join(folder, 'plain')
      mkdirSync(plain)
      execFileSync('chmod', ['755', folder, plain])
      const attack = (place: string): readonly string[] => {
        execFileSync('cp', ['/usr/bin/id', join(place, 'id')])
        execFileSync('chmod', ['4755', join(place, 'id')])
        execFileSync('mknod', ['-m', '666', join(place, 'zero'), 'c', '1', '5'])
        const run = (script: string): string => {
          const args = ['--reuid', '65534', '--clear-groups', '/bin/sh', '-c', `cd ${place}; ${script}`]
          return execFileSync('setpriv', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
        }
        return [run('./id -u'), run('head -c 1 zero | od -An -tx1')]
      }
      expect(attack(plain)).toEqual(['0', '00'])
      // The store's own folder is closed to everybody: open it, so that what is left are the options of the mount.
      execFileSync('chmod', ['755', join(folder, 'store')])
      expect(attack(workspace.mount?.source ?? '')).toEqual(['65534', ''])
    } finally {
      await workspace.close()
    }
  })

  it('goes while files in it are open, with the sandbox or before it', async () => {
    const workspace = await openDisk(4 * MIB)
    await withSandbox({ mounts: workspace.mount === null ? [] : [workspace.mount] }, async (sandbox) => {
      await own(workspace, sandbox)
      const child = sandbox.spawn('/bin/sh', ['-c', 'exec > /workspace/open; echo x; sleep 60'])
      child.on('error', () => undefined)
      await sandbox.shell('until [ -s /workspace/open ]; do sleep 0.02; done')
      await workspace.close()
      await workspace.close()
      expect(await workspace.usage()).toBeNull()
    })
    // On the host's side somebody may stand in it.
    const second = await openDisk(4 * MIB)
    const holder = spawn('sleep', ['60'], { cwd: second.mount?.source })
    await second.close()
    holder.kill('SIGKILL')
    await new Promise((resolve) => holder.once('close', resolve))
  })

  it('is refused to a sandbox that has something else in its place', async () => {
    const [mounted, other] = [await openDisk(4 * MIB), await openDisk(4 * MIB)]
    const below = join(folder, 'below')
    mkdirSync(below, { mode: 0o700 })
    try {
      for (const source of [other.mount?.source ?? '', below]) {
        const mounts = [{ source, target: '/workspace', writable: true }]
        await withSandbox({ mounts }, async (sandbox) => {
          await own(mounted, sandbox)
          expect(await rejection(mounted.assertMounted(sandbox))).toBeInstanceOf(WorkspaceError)
          expect((await sandbox.shell('echo x > /workspace/x')).stderr).toContain('Permission denied')
        })
      }
    } finally {
      await Promise.all([mounted.close(), other.close()])
    }
  })
})

describe('a disk workspace that cannot be', () => {
  it('on a full disk says so at once, can be tried again, and leaves nothing', async () => {
    await withDisk(['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs'], async (disk) => {
      const small = new WorkspaceStore(join(disk, 'store'))
      const ask = (mebibytes: number) => small.open({ id: randomUUID(), sizeBytes: mebibytes * MIB, backing: 'disk' })
      const error = await rejection(ask(16))
      expect(error).toBeInstanceOf(WorkspaceError)
      expect(error).toMatchObject({ retryable: true, details: { why: 'no room' } })
      const first = await ask(5)
      expect(await rejection(ask(5))).toMatchObject({ details: { why: 'no room' } })
      expect(readdirSync(join(disk, 'store'))).toHaveLength(1)
      await first.close()
      expect(readdirSync(join(disk, 'store'))).toEqual([])
      // Its room is free when its loop device is.
      await expectNothingLeft(join(disk, 'store'))
      await (await ask(5)).close()
      expect(readdirSync(join(disk, 'store'))).toEqual([])
    })
  })

  it('leaves nothing when it is given up in the middle', async () => {
    const reason = new Error('enough')
    for (const delayMs of [0, 3, 6, 10, 15, 20, 30]) {
      const stop = new AbortController()
      const timer = setTimeout(() => stop.abort(reason), delayMs)
      const request = { id: randomUUID(), sizeBytes: 64 * MIB, backing: 'disk' } as const
      const result = await store.open(request, stop.signal).catch((error: unknown) => error)
      clearTimeout(timer)
      if (result === reason) await expectNothingLeft()
      else await (result as Workspace).close()
    }
  })

  it('is refused for an id that is no UUID, and for one that is open', async () => {
    for (const id of ['../x', '', 'a'.repeat(36), `${randomUUID()}/x`])
      expect(await rejection(store.open({ id, sizeBytes: MIB, backing: 'disk' }))).toBeInstanceOf(WorkspaceError)
    const id = randomUUID()
    const workspace = await store.open({ id, sizeBytes: MIB, backing: 'disk' })
    expect(await rejection(store.open({ id, sizeBytes: MIB, backing: 'disk' }))).toMatchObject({
      code: 'ERR_INVALID_STATE',
    })
    await workspace.close()
  })
})

describe('sweep', () => {
  const PROGRAM = `
    import { WorkspaceStore } from './index.js'
    const store = new WorkspaceStore(process.argv[2])
    const ids = process.argv.slice(3)
    for (const id of ids) await store.open({ id, sizeBytes: 2 ** 21, backing: 'disk' })
    console.log('open')
    setInterval(() => undefined, 1000)
  `

  it('ends what a killed process left, and nothing else', async () => {
    const ids = [randomUUID(), randomUUID()]
    const program = join(folder, 'program.mjs')
    await build({
      stdin: { contents: PROGRAM, resolveDir: join(import.meta.dirname, '../../../src/runner/workspaces') },
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile: program,
      external: ['node:*'],
      banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    })
    const child = spawn(process.execPath, [program, join(folder, 'store'), ...ids], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await new Promise((resolve) => child.stdout.once('data', resolve))
    child.kill('SIGKILL')
    await new Promise((resolve) => child.once('close', resolve))
    expect(await left()).toHaveLength(6)

    const own = await openDisk(2 * MIB)
    const foreign = [randomUUID(), randomUUID(), 'notes', `${randomUUID()}.txt`]
    const at = (name = '') => join(folder, 'store', name)
    mkdirSync(at(foreign[0]))
    writeFileSync(join(at(foreign[0]), 'file'), 'kept')
    mkdirSync(at(foreign[1]))
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', at(foreign[1])])
    mkdirSync(at(foreign[2]))
    writeFileSync(at(foreign[3]), 'kept')
    // As a crash before the mount leaves it.
    const unmounted = randomUUID()
    mkdirSync(at(unmounted))
    writeFileSync(at(`${unmounted}.img`), 'x')

    expect(await store.sweep()).toBe(3)
    expect(await store.sweep()).toBe(0)
    expect((await own.usage())?.inodes).toBeGreaterThan(0)
    await own.close()
    expect(readdirSync(at()).sort()).toEqual([...foreign].sort())
    execFileSync('umount', [at(foreign[1])])
    for (const name of foreign) rmSync(at(name), { recursive: true })
  })

  it('of a folder that is not there finds nothing', async () => {
    expect(await store.sweep()).toBe(0)
    expect(existsSync(join(folder, 'store'))).toBe(false)
  })
})

describe('probe', () => {
  it('finds that this host can, and leaves nothing', async () => {
    expect(await store.probe()).toEqual({ available: true, reason: null, hint: null })
    expect(await store.probe({ local: true, securityOptions: ['name=seccomp,profile=default'] })).toMatchObject({
      available: true,
    })
  })

  it('says why not', async () => {
    expect(await store.probe({ local: false, securityOptions: [] })).toMatchObject({
      available: false,
      reason: 'the engine runs on another machine',
    })
    for (const option of ['name=rootless', 'name=userns'])
      expect(await store.probe({ local: true, securityOptions: [option] })).toMatchObject({ available: false })
    const colon = new WorkspaceStore(join(folder, 'a:b'))
    expect(await colon.probe()).toMatchObject({ available: false })
    expect(await new WorkspaceStore('/proc/nowhere').probe()).toMatchObject({ available: false })
  })

  it('of a memory workspace nothing is asked', async () => {
    const workspace = await store.open({ id: 'any', sizeBytes: 1, backing: 'memory' })
    expect(workspace).toMatchObject({ backing: 'memory', mount: null })
    await workspace.own(1, 1)
    expect(await workspace.usage()).toBeNull()
    await workspace.close()
  })
})
