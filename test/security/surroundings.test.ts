/** Protections: identity, no-new-privileges, mounts, masked and read-only paths, devices, environment. Each with its difference. */
import { mkdtemp, rm, writeFile, chmod, copyFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { MASKED_PATHS } from '../../src/policy/kernel-paths.js'
import { GID, ProbeLab, ready, UID, unprotected, type Weaken } from '../helpers/probe-lab.js'

const EPERM = 1
const ENOENT = 2
const ENXIO = 6
const EACCES = 13
const EROFS = 30

let lab: ProbeLab
beforeAll(async () => {
  lab = await ProbeLab.open()
})
afterAll(() => lab[Symbol.asyncDispose]())

/** @returns errno and size of each operation of `probes/files.c` */
async function files(operations: readonly string[], options: Parameters<ProbeLab['run']>[1] = {}) {
  const { lines, errors } = await lab.run(['files', ...operations], options)
  expect(errors).toBe('')
  expect(lines).toHaveLength(operations.length)
  return lines
    .map((line) => line.split(' ').map(Number) as [number, number, number])
    .map(([, errno, size]) => ({ errno, size }))
}
const errnos = async (...args: Parameters<typeof files>) => (await files(...args)).map(({ errno }) => errno)

describe('identity', () => {
  const field = (lines: readonly string[], name: string) =>
    lines
      .find((line) => line.startsWith(`${name}:`))
      ?.split(/[\t ]+/)
      .slice(1)
      .filter(Boolean)

  test('the mapped ids, no group besides, no capability, no new privileges, filtered', async () => {
    const { lines } = await lab.run(['identity'])
    expect(field(lines, 'Uid')).toEqual(Array(4).fill(String(UID)))
    expect(field(lines, 'Gid')).toEqual(Array(4).fill(String(GID)))
    expect(field(lines, 'Groups')).toEqual([String(GID)])
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
      expect(field(lines, set), set).toEqual(['0000000000000000'])
    expect(field(lines, 'NoNewPrivs')).toEqual(['1'])
    expect(field(lines, 'Seccomp')).toEqual(['2'])
  })

  test.each(['/setuid-probe', '/setgid-probe'])(
    '%s does not raise; without no-new-privileges it does',
    async (path) => {
      const id = path === '/setuid-probe' ? 'Uid' : 'Gid'
      const raised: Weaken = (body) =>
        void (body.HostConfig.SecurityOpt = body.HostConfig.SecurityOpt.filter(
          (option) => option !== 'no-new-privileges',
        ))
      const guarded = await lab.run(['identity', path])
      expect(field(guarded.lines, id)).toEqual(Array(4).fill(String(id === 'Uid' ? UID : GID)))
      const bare = await lab.run(['identity', path], { weaken: raised })
      expect(field(bare.lines, id)?.[1]).toBe('0')
    },
  )
})

describe('mounts', () => {
  const operations = ['w:/open', 'c:/data/new', 'm:/data/folder', 'c:/tmp/new', 'c:/work/new']

  test('the root is read-only, also for files that anyone may write; scratch is not', async () => {
    expect(await errnos(operations)).toEqual([EROFS, EROFS, EROFS, 0, 0])
    const writable: Weaken = (body) => void (body.HostConfig.ReadonlyRootfs = false)
    expect(await errnos(operations, { weaken: writable })).toEqual([0, 0, 0, 0, 0])
  })

  test('a read-only mount refuses writes, a writable one takes them', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'probe-bind-'))
    try {
      await chmod(folder, 0o777)
      await writeFile(join(folder, 'file'), 'of the host', { mode: 0o666 })
      await chmod(join(folder, 'file'), 0o666)
      const spec = (writable: boolean) => lab.spec({ mounts: [{ source: folder, target: '/data', writable }] })
      expect(await errnos(['r:/data/file', 'w:/data/file', 'c:/data/new'], { spec: spec(false) })).toEqual([
        0,
        EROFS,
        EROFS,
      ])
      expect(await errnos(['r:/data/file', 'w:/data/file', 'c:/data/new'], { spec: spec(true) })).toEqual([0, 0, 0])
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test('a setuid program in a mount of the host does not raise; without no-new-privileges it does', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'probe-bind-'))
    try {
      await chmod(folder, 0o755)
      const { compileProbe } = await import('../helpers/probe-program.js')
      await writeFile(join(folder, 'raise'), (await compileProbe()).binary)
      await chmod(join(folder, 'raise'), 0o4755)
      await copyFile('/dev/null', join(folder, 'empty'))
      const spec = lab.spec({ mounts: [{ source: folder, target: '/data', writable: false }] })
      const raised: Weaken = (body) => void (body.HostConfig.SecurityOpt = body.HostConfig.SecurityOpt.slice(1))
      expect((await lab.run(['identity', '/data/raise'], { spec })).lines[0]).toBe(
        `Uid:\t${UID}\t${UID}\t${UID}\t${UID}`,
      )
      expect((await lab.run(['identity', '/data/raise'], { spec, weaken: raised })).lines[0]).toBe(
        `Uid:\t${UID}\t0\t0\t0`,
      )
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test('device nodes that an image brings cannot be opened, except the one every engine allows', async () => {
    expect(await errnos(['d:/nodes/fuse'])).toEqual([EPERM])
    const allDevices: Weaken = (body) => void (body.HostConfig.DeviceCgroupRules = ['a *:* rwm'])
    expect(await errnos(['d:/nodes/fuse'], { weaken: allDevices })).toEqual([0])
    // /dev/net/tun: the engine's device cgroup lets it through, so images are stripped of device nodes.
    expect(await errnos(['d:/nodes/tun'])).toEqual([0])
  })
})

describe('kernel files', () => {
  test('every masked path is empty; without masks most are not', async () => {
    const operations = MASKED_PATHS.flatMap((path) => [`r:${path}`, `l:${path}`])
    const shown = (results: readonly { errno: number; size: number }[]) =>
      MASKED_PATHS.filter((_, index) =>
        [results[2 * index], results[2 * index + 1]].some((result) => result?.errno === 0 && result.size > 0),
      )
    expect(shown(await files(operations))).toEqual([])
    const bare = await files(operations, {
      weaken: (body) => {
        body.HostConfig.MaskedPaths = []
      },
    })
    for (const path of ['/proc/cmdline', '/proc/interrupts', '/proc/kallsyms', '/proc/key-users'])
      expect(shown(bare)).toContain(path)
  })

  const writes = [
    'w:/proc/sys/kernel/core_pattern',
    'w:/proc/sys/kernel/hostname',
    'w:/proc/sysrq-trigger',
    'w:/proc/irq/default_smp_affinity',
    'w:/sys/kernel/mm/ksm/run',
    'w:/sys/fs/cgroup/memory/memory.limit_in_bytes',
    'w:/sys/fs/cgroup/memory/cgroup.procs',
    'w:/sys/fs/cgroup/memory/release_agent',
    'c:/sys/fs/cgroup/file',
    'm:/sys/fs/cgroup/memory/child',
  ]

  test('settings, sysrq, core_pattern, cgroups and release_agent cannot be opened for writing', async () => {
    for (const errno of await errnos(writes)) expect([EACCES, EROFS, EPERM, ENOENT]).toContain(errno)
  })

  test('nor by root with capabilities, as long as the paths are read-only; without that they can', async () => {
    const asRoot =
      (readonly: boolean): Weaken =>
      (body) => {
        unprotected(body)
        if (!readonly) body.HostConfig.ReadonlyPaths = []
      }
    const settings = [
      'w:/proc/sys/kernel/core_pattern',
      'w:/proc/sys/kernel/hostname',
      'w:/proc/irq/default_smp_affinity',
    ]
    expect(await errnos(settings, { weaken: asRoot(true) })).toEqual([EROFS, EROFS, EROFS])
    expect(await errnos(settings, { weaken: asRoot(false) })).toEqual([0, 0, 0])
  })
})

describe('what comes from the host', () => {
  test('nothing of its environment, no descriptor besides the three', async () => {
    process.env.SECRET_OF_THE_HOST = 'do-not-tell'
    const { lines } = await lab.run(['environment'])
    delete process.env.SECRET_OF_THE_HOST
    expect(lines.map((line) => line.split('=')[0]).sort()).toEqual(['HOME', 'HOSTNAME', 'PATH'])
    expect(lines).toContain('HOSTNAME=sandbox')
    const told = await lab.run(['environment'], {
      weaken: (body) => void (body.Env = ['SECRET_OF_THE_HOST=do-not-tell']),
    })
    expect(told.output).toContain('do-not-tell')
  })

  test('no engine socket; with one mounted it could be opened', async () => {
    const sockets = [
      '/var/run/docker.sock',
      '/run/docker.sock',
      '/run/containerd/containerd.sock',
      '/run/podman/podman.sock',
    ]
    expect(await errnos(sockets.map((path) => `d:${path}`))).toEqual(sockets.map(() => ENOENT))
    const mounted: Weaken = (body) => {
      body.User = '0:0'
      body.HostConfig.Mounts = [{ Type: 'bind', Source: '/var/run/docker.sock', Target: '/open' }]
    }
    expect(await errnos(['d:/open'], { weaken: mounted })).toEqual([ENXIO])
  })

  test('System V segments, shared memory and process ids are each sandbox’s own; a shared namespace shows them', async () => {
    const neighbour = await lab.start(['shared', 'make', '4242', '/dev/shm/mine'], {
      weaken: (body) => {
        body.HostConfig.IpcMode = 'shareable'
      },
    })
    try {
      await ready(neighbour)
      const apart = await lab.run(['shared', 'look', '4242', '/dev/shm/mine'])
      expect(apart.lines).toEqual([`segment ${ENOENT}`, `file ${ENOENT}`])
      const together = await lab.run(['shared', 'look', '4242', '/dev/shm/mine'], {
        weaken: (body) => {
          body.HostConfig.IpcMode = `container:${neighbour.id}`
        },
      })
      expect(together.lines).toEqual(['segment 0', 'file 0'])
    } finally {
      await neighbour.destroy()
    }
  })
})
