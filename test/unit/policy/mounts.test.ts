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
    ['a', /relative/],
    ['', /empty/],
    ['/', /root/],
    ['/a/', /normal form, "\/a"/],
    ['/a//b', /normal form/],
    ['/a/../b', /without '..'/],
    ['/a/./b', /normal form/],
    ['/a:b', /colon/],
    ['/a\nb', /control/],
    ['/a\0b', /NUL/],
    [`/${'a'.repeat(4095)}`, /4,096 bytes/],
    ['/proc', /belongs to the sandbox/],
    ['/proc/self', /belongs to the sandbox/],
    ['/sys/fs', /belongs to the sandbox/],
    ['/dev/shm', /belongs to the sandbox/],
    ['/.sandbox', /belongs to the sandbox/],
    ['/.sandbox/lib', /belongs to the sandbox/],
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
    ['srv', /relative/],
    ['/', /whole host/],
    ['/srv//a', /normal form/],
    ['/srv/../etc', /without '..'/],
    ['/srv/a:b', /colon/],
    ['/srv/a\nb', /control/],
    ['/var/run/docker.sock', /engine's socket/],
    ['/run/docker.sock', /engine's socket/],
    ['/run', /socket/],
    ['/var/run', /socket/],
    ['/var', /\/var\/lib\/docker.* controls the host/],
    ['/var/lib/docker/overlay2', /\/var\/lib\/docker.* controls the host/],
    ['/run/containerd/containerd.sock', /socket/],
    ['/run/podman/podman.sock', /socket/],
    ['/var/run/crio/crio.sock', /socket/],
    ['/run/user', /root on the host/],
    ['/run/user/1000', /root on the host/],
    ['/run/user/1000/docker.sock', /root on the host/],
    ['/run/user/1000/podman/podman.sock', /root on the host/],
    ['/proc/1/root', /controls the host/],
    ['/sys/fs/cgroup', /controls the host/],
    ['/dev/mem', /controls the host/],
  ])('refuses the source %j', (source, message) => {
    expect(() => assertMounts([mount(source, '/x')], [])).toThrow(message)
  })

  test.each(['/srv/engine', '/srv/engine/overlay2', '/srv', '/var/run/own/engine.sock', '/run/own'])(
    'refuses the source %s of the engine in use',
    (source) => {
      const places = ['/srv/engine/', '/run/own/engine.sock']
      expect(() => assertMounts([mount(source, '/x')], [])).not.toThrow()
      expect(() => assertMounts([mount(source, '/x')], [], places)).toThrow(/engine in use/)
      expect(() => assertMounts([mount('/srv/engine2', '/x')], [], places)).not.toThrow()
    },
  )

  test.each([
    [[mount('/srv/a', '/x'), mount('/srv/b', '/x')], [], /mounts\[1\].*another mount/],
    [[mount('/srv/a', '/x')], ['/x'], /either scratch or a mount/],
    [[], ['/x', '/x'], /writable\[1\].*already/],
    [[mount('/srv/a', '/x'), mount('/srv/b', '/x/y')], [], /inside the mount/],
    [[mount('/srv/b', '/x/y'), mount('/srv/a', '/x')], [], /inside the mount/],
    [[mount('/srv/a', '/x', true)], ['/x/y'], /inside this writable mount/],
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
    ['root', /whole host/],
    ['engine.sock', /unix socket/],
    ['socket-link', /unix socket/],
  ])('refuses %s', async (name, message) => {
    await expect(resolveMountSources([mount(join(folder, name), '/x')])).rejects.toThrow(message)
  })

  test('refuses a folder that holds the socket of the engine in use', async () => {
    const place = join(folder, 'engine.sock')
    await expect(resolveMountSources([mount(folder, '/x')], [place])).rejects.toThrow(
      /holds .*engine\.sock of the engine/,
    )
    const linked = join(folder, 'socket-link')
    await expect(resolveMountSources([mount(folder, '/x')], [linked])).rejects.toThrow(/of the engine in use/)
    await expect(resolveMountSources([mount(folder, '/x')], ['/srv/other'])).resolves.toHaveLength(1)
  })
})
