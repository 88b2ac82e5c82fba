import { chmodSync, linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { HomeError } from '../../../src/errors.js'
import { DigestCache } from '../../../src/image/digest-cache.js'
import { buildHomeLayer, type HomePlacement } from '../../../src/image/home-layer.js'
import { HomePacker } from '../../../src/image/home-packer.js'
import { walkHome } from '../../../src/image/home-walk.js'
import { digestLayer, type Layer } from '../../../src/image/tar-layer.js'
import { readLayer, type ReadEntry } from '../../helpers/read-layer.js'

const PLACEMENT: HomePlacement = {
  uid: 200_001,
  gid: 200_002,
  links: { bin: 'usr/bin', lib: 'usr/lib', 'var/run': 'run' },
}

describe('home layers', () => {
  let home: string

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'home-'))
  })
  afterEach(() => {
    rmSync(home, { recursive: true, force: true })
  })

  const write = (path: string, content = ''): string => {
    mkdirSync(join(home, path, '..'), { recursive: true })
    writeFileSync(join(home, path), content)
    return join(home, path)
  }
  const pack = async (placement = PLACEMENT): Promise<Layer> => buildHomeLayer(await walkHome(home), placement)
  const entriesOf = async (layer: Layer): Promise<Map<string, ReadEntry>> =>
    new Map((await readLayer(layer)).map((entry) => [entry.name, entry]))

  it('belongs to the mapped user, with modes and contents kept and special bits gone', async () => {
    chmodSync(write('work/tool', 'x'.repeat(200_000)), 0o4751)
    linkSync(join(home, 'work/tool'), join(home, 'work/same'))
    symlinkSync('/etc/passwd', join(home, 'out'))
    truncateSync(write('sparse'), 300_000)
    const entries = await entriesOf(await pack())
    expect([...entries.values()].every(({ uid, gid }) => uid === 200_001 && gid === 200_002)).toBe(true)
    expect(entries.get('work/tool')).toMatchObject({ type: 'file', mode: 0o751 })
    expect(entries.get('work/tool')?.content.equals(Buffer.alloc(200_000, 'x'))).toBe(true)
    expect(entries.get('work/same')?.content.equals(Buffer.alloc(200_000, 'x'))).toBe(true)
    expect(entries.get('out')).toMatchObject({ type: 'symlink', linkname: '/etc/passwd' })
    expect(entries.get('sparse')?.content.equals(Buffer.alloc(300_000))).toBe(true)
  })

  it('is the same for the same content, wherever and whenever it was written', async () => {
    write('a/b', '1')
    write('c', '2')
    const digest = await digestLayer(await pack())
    rmSync(home, { recursive: true })
    home = mkdtempSync(join(tmpdir(), 'other-'))
    write('c', '2')
    write('a/b', '1')
    expect(await digestLayer(await pack())).toBe(digest)
    expect(await digestLayer(await pack({ ...PLACEMENT, uid: 1 }))).not.toBe(digest)
  })

  it("goes through the base's links to folders, and brings the folders on the way", async () => {
    write('bin/tool')
    write('var/run/state')
    write('usr/bin/other')
    symlinkSync('usr/lib', join(home, 'lib'))
    const entries = await entriesOf(await pack())
    expect([...entries.keys()]).toEqual([
      'run/', 'run/state', 'usr/', 'usr/bin/', 'usr/bin/other', 'usr/bin/tool', 'var/',
    ]) // prettier-ignore
    expect(entries.get('usr/')).toMatchObject({ mode: 0o755, uid: 200_001 })
  })

  it('refuses what would take the place of something of the base', async () => {
    write('bin/same')
    write('usr/bin/same')
    await expect(pack()).rejects.toThrow(/go to \/usr\/bin\/same/)
    await expect(pack({ ...PLACEMENT, links: null })).rejects.toThrow(/\/bin, and this driver cannot tell/)
    rmSync(join(home, 'usr'), { recursive: true })
    symlinkSync('/etc', join(home, 'usr'))
    await expect(pack()).rejects.toThrow(/go to \/usr/)
  })

  it.each([
    ['small', 1_000],
    ['large', 400_000],
  ])('refuses, retryably, a %s file that changed since it was listed', async (_, size) => {
    const path = write('file', 'x'.repeat(size))
    const layer = await pack()
    const changes = [
      () => { writeFileSync(path, 'y'.repeat(size)) },
      () => { rmSync(path) },
      () => { symlinkSync('/etc/passwd', path) },
      () => { rmSync(path); mkdirSync(path) },
    ] // prettier-ignore
    for (const change of changes) {
      await new Promise((resolve) => setTimeout(resolve, 15))
      change()
      const error = await digestLayer(layer).catch((caught: unknown) => caught)
      expect(error).toBeInstanceOf(HomeError)
      expect(error).toMatchObject({ retryable: true, message: expect.stringContaining('changed while') as string })
    }
  })

  it('does not read an unchanged home again, unless it changed just now', async () => {
    const state = mkdtempSync(join(tmpdir(), 'state-'))
    write('a', '1')
    const packer = new HomePacker(new DigestCache(state))
    const first = await packer.pack(home, PLACEMENT)
    expect(new DigestCache(state)).toSatisfy((cache: DigestCache) => !JSON.stringify(cache).includes(first.digest))
    await new Promise((resolve) => setTimeout(resolve, 2_100))
    const second = await packer.pack(home, PLACEMENT)
    // The file is gone, but its layer is not asked for: the digest comes from the listing alone.
    const elsewhere = new HomePacker(new DigestCache(state))
    expect((await elsewhere.pack(home, PLACEMENT)).digest).toBe(first.digest)
    expect(second.digest).toBe(first.digest)
    rmSync(state, { recursive: true })
  }, 30_000)
})
