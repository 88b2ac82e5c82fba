import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { assertMounts } from '../../../src/policy/mounts.js'
import { resolveMountSources } from '../../../src/policy/mount-sources.js'

const mount = (source: string, target: string, writable = false) => ({ source, target, writable })

describe('assertMounts', () => {
  test('takes folders and files side by side, and scratch around or inside a read-only mount', () => {
    const mounts = [
      mount('/srv/a', '/a'),
      mount('/srv/b', '/work/b', true),
      mount('/home/x/f', '/etc/f'),
      mount('/var/lib/mine', '/m'),
    ]
    expect(() => assertMounts(mounts, ['/work', '/a/build', '/tmp'])).not.toThrow()
  })

  test.each([
    ['a', /absolute/],
    ['', /absolute/],
    ['/', /root/],
    ['/a/', /normal form, "\/a"/],
    ['/a//b', /normal form/],
    ['/a/../b', /normal form/],
    ['/a/./b', /normal form/],
    ['/a:b', /colon/],
    ['/a\nb', /control/],
    ['/a\0b', /control/],
    [`/${'a'.repeat(4095)}`, /4095 bytes/],
    ['/proc', /belongs to the kernel/],
    ['/proc/self', /belongs to the kernel/],
    ['/sys/fs', /belongs to the kernel/],
    ['/dev/shm', /belongs to the kernel/],
    ['/.sandbox', /supervisor/],
    ['/.sandbox/lib', /supervisor/],
  ])('refuses the target %j', (target, message) => {
    expect(() => assertMounts([mount('/srv/a', target)], [])).toThrow(message)
    expect(() => assertMounts([], [target])).toThrow(message)
  })

  test.each(['/proc2', '/system', '/device', '/.sandboxes'])(
    'takes the target %j, which only begins like a reserved one',
    (target) => {
      expect(() => assertMounts([mount('/srv/a', target)], [])).not.toThrow()
    },
  )

  test.each([
    ['srv', /absolute/],
    ['/', /whole file system/],
    ['/srv/../etc', /normal form/],
    ['/var/run/docker.sock', /engine's socket/],
    ['/run/docker.sock', /engine's socket/],
    ['/run', /socket/],
    ['/var/run', /socket/],
    ['/var', /engine's own/],
    ['/var/lib/docker/overlay2', /engine's own/],
    ['/run/containerd/containerd.sock', /socket/],
    ['/run/podman/podman.sock', /socket/],
    ['/var/run/crio/crio.sock', /socket/],
    ['/run/user', /login session/],
    ['/run/user/1000', /login session/],
    ['/run/user/1000/docker.sock', /login session/],
    ['/run/user/1000/podman/podman.sock', /login session/],
    ['/proc/1/root', /kernel's/],
    ['/sys/fs/cgroup', /kernel's/],
    ['/dev/mem', /kernel's/],
  ])('refuses the source %j', (source, message) => {
    expect(() => assertMounts([mount(source, '/x')], [])).toThrow(message)
  })

  test.each([
    [[mount('/srv/a', '/x'), mount('/srv/b', '/x')], [], /mounted twice/],
    [[mount('/srv/a', '/x')], ['/x'], /mounted twice/],
    [[], ['/x', '/x'], /mounted twice/],
    [[mount('/srv/a', '/x'), mount('/srv/b', '/x/y')], [], /inside the mount/],
    [[mount('/srv/b', '/x/y'), mount('/srv/a', '/x')], [], /inside the mount/],
    [[mount('/srv/a', '/x', true)], ['/x/y'], /inside the writable mount/],
  ])('refuses paths that clash: %j %j', (mounts, writable, message) => {
    expect(() => assertMounts(mounts, writable)).toThrow(message)
  })
})

describe('resolveMountSources', () => {
  let folder: string
  const server = createServer()

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mount-sources-'))
    await new Promise<void>((resolve) => server.listen(join(folder, 'engine.sock'), resolve))
    await writeFile(join(folder, 'file'), '')
    await symlink('/var/run', join(folder, 'runs'))
    await symlink('/', join(folder, 'root'))
    await symlink(join(folder, 'file'), join(folder, 'link'))
    await symlink(join(folder, 'engine.sock'), join(folder, 'socket-link'))
  })
  afterAll(async () => {
    await new Promise((resolve) => server.close(resolve))
    await rm(folder, { recursive: true })
  })

  test('gives the real path of a link', async () => {
    expect(await resolveMountSources([mount(join(folder, 'link'), '/x')])).toEqual([mount(join(folder, 'file'), '/x')])
  })

  test.each([
    ['missing', /cannot be resolved/],
    ['runs', /socket/],
    ['root', /whole file system/],
    ['engine.sock', /unix socket/],
    ['socket-link', /unix socket/],
  ])('refuses %s', async (name, message) => {
    await expect(resolveMountSources([mount(join(folder, name), '/x')])).rejects.toThrow(message)
  })

  test('refuses a folder that holds the socket of the engine in use', async () => {
    await expect(resolveMountSources([mount(folder, '/x')], [join(folder, 'engine.sock')])).rejects.toThrow(/socket/)
  })
})
