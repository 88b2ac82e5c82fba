import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { extract, type Header } from 'tar-stream'
import { describe, expect, it } from 'vitest'
import { UnsafeArchiveError } from '../../../src/errors.js'
import { EntryCount } from '../../../src/sandbox/archive-rules.js'
import { repackArchive } from '../../../src/sandbox/repack-archive.js'
import { archiveBytes, type ArchiveEntry } from '../../helpers/archives.js'
import { rejection } from '../../helpers/sandboxes.js'
import { heldBytes } from '../../helpers/memory.js'

const LIMITS = { maxBytes: 1024 ** 2, maxEntries: 1_000 }

/** Name → what an archive has there, after it went through. */
async function through(archive: Buffer | Readable, limits = LIMITS): Promise<Record<string, object>> {
  const source = archive instanceof Readable ? archive : Readable.from([archive])
  const found: Record<string, object> = {}
  const parser = extract()
  repackArchive(source, new EntryCount(limits))
    .on('error', (error) => parser.destroy(error))
    .pipe(parser)
  for await (const entry of parser) {
    const { name, type, mode, uid, gid, linkname, mtime, pax } = entry.header as Header & { pax?: object }
    const content = Buffer.concat(await Readable.from(entry).toArray()).toString()
    found[name] = { type, mode, uid, gid, linkname, seconds: (mtime?.getTime() ?? 0) / 1000, content, pax }
  }
  return found
}

const refused = async (archive: Buffer | Readable, limits = LIMITS): Promise<Error> => {
  const error = await rejection(through(archive, limits))
  expect(error).toBeInstanceOf(UnsafeArchiveError)
  return error as Error
}

describe('what goes in', () => {
  const mtime = new Date(1_600_000_000_000)

  it('has names, kinds, nine bits of the mode and times, and nothing else of what was given', async () => {
    const archive = await archiveBytes(
      [{ name: './', type: 'directory', mode: 0o700 }],
      [{ name: './dir//sub/', type: 'directory', mode: 0o7755, mtime }],
      [
        { name: './dir/su', mode: 0o6755, uid: 1, gid: 2, uname: 'x', mtime, pax: { 'SCHILY.xattr.user.a': 'b' } },
        'abc',
      ],
      [{ name: 'l', type: 'symlink', linkname: './dir/su', mtime }],
      [{ name: 'hard', type: 'link', linkname: './dir/./su', mtime }],
      [{ name: `${'n'.repeat(200)}/${'m'.repeat(200)}`, mtime }, 'long'],
    )
    const plain = { uid: 0, gid: 0, seconds: 1_600_000_000, content: '', linkname: null, pax: null }
    const found = await through(archive)
    expect(found).toMatchObject({
      'dir/sub/': { ...plain, type: 'directory', mode: 0o755 },
      'dir/su': { ...plain, type: 'file', mode: 0o755, content: 'abc' },
      l: { ...plain, type: 'symlink', linkname: './dir/su' },
      hard: { ...plain, type: 'link', linkname: 'dir/su' },
      [`${'n'.repeat(200)}/${'m'.repeat(200)}`]: { type: 'file', content: 'long' },
    })
    expect(Object.keys(found)).toHaveLength(5)
  })

  it('is the same when it was gzipped, also in two members', async () => {
    const archive = await archiveBytes([{ name: 'a', mtime }, 'x'.repeat(100_000)], [{ name: 'b', mtime }, 'y'])
    const plain = await through(archive)
    expect(await through(gzipSync(archive))).toEqual(plain)
    expect(
      await through(Buffer.concat([gzipSync(archive.subarray(0, 5000)), gzipSync(archive.subarray(5000))])),
    ).toEqual(plain)
  })

  it('can come byte by byte, and as text', async () => {
    const archive = await archiveBytes([{ name: 'a', mtime }, 'x'])
    const plain = await through(archive)
    expect(await through(Readable.from([...gzipSync(archive)].map((byte) => Buffer.from([byte]))))).toEqual(plain)
    expect(await through(Readable.from([archive.toString('latin1')]))).toEqual(plain)
  })
})

describe('what does not', () => {
  it.each<[string, RegExp, ArchiveEntry[]]>([
    ['an absolute name', /absolute/, [[{ name: '/etc/evil' }, 'x']]],
    ['a name that climbs', /climbs/, [[{ name: 'a/../../evil' }, 'x']]],
    ['an absolute name in a pax header', /absolute/, [[{ name: 'a', pax: { path: '/etc/evil' } }, 'x']]],
    ['a name that climbs in a pax header', /climbs/, [[{ name: 'a', pax: { path: '../evil' } }, 'x']]],
    ['a segment of 300 bytes', /segment/, [[{ name: 'n'.repeat(300) }, 'x']]],
    ['a name of 5,000 bytes', /4096/, [[{ name: 'n/'.repeat(2_500) + 'x' }, 'x']]],
    ['a name of 257 segments', /nested deeper than 256/, [[{ name: 'n/'.repeat(256) + 'x' }, 'x']]],
    ['an absolute link', /leads out/, [[{ name: 'l', type: 'symlink', linkname: '/etc' }]]],
    [
      'an absolute link in a pax header',
      /leads out/,
      [[{ name: 'l', type: 'symlink', linkname: 'a', pax: { linkpath: '/etc' } }]],
    ],
    ['a link that climbs out', /leads out/, [[{ name: 'a/l', type: 'symlink', linkname: '../../x' }]]],
    ['a link that climbs after a name', /leads out/, [[{ name: 'a/l', type: 'symlink', linkname: 'x/../../../y' }]]],
    ['a hard link that climbs out', /climbs/, [[{ name: 'l', type: 'link', linkname: '../x' }]]],
    ['an absolute hard link', /absolute/, [[{ name: 'l', type: 'link', linkname: '/etc/passwd' }]]],
    [
      'a hard link to a link, which would lead out from there',
      /hard link to a link/,
      [[{ name: 'a/b/l', type: 'symlink', linkname: '../../x' }], [{ name: 'l', type: 'link', linkname: 'a/b/l' }]],
    ],
    [
      'a hard link through a link',
      /hard link to a link/,
      [[{ name: 'l', type: 'symlink', linkname: 'a' }], [{ name: 'h', type: 'link', linkname: 'l/x' }]],
    ],
    [
      'a name that passes through a link',
      /passes through/,
      [[{ name: 'a/l', type: 'symlink', linkname: 'ok' }], [{ name: 'a/l/b/file' }, 'x']],
    ],
    [
      'a folder in the place of a link, and a file in it',
      /passes through/,
      [[{ name: 'l', type: 'symlink', linkname: 'ok' }], [{ name: 'l', type: 'directory' }], [{ name: 'l/file' }, 'x']],
    ],
    [
      'a folder that became a link after a file was written in it',
      /passes through/,
      [[{ name: 'd/one' }, 'x'], [{ name: 'd', type: 'symlink', linkname: 'ok' }], [{ name: 'd/two' }, 'x']],
    ],
    ['a character device', /character-device/, [[{ name: 'd', type: 'character-device', devmajor: 1, devminor: 3 }]]],
    ['a block device', /block-device/, [[{ name: 'd', type: 'block-device', devmajor: 8, devminor: 0 }]]],
    ['a FIFO', /fifo/, [[{ name: 'f', type: 'fifo' }]]],
    ['a sparse file', /sparse/, [[{ name: 'f', pax: { 'GNU.sparse.major': '1' } }, 'x']]],
    ['a file in the place of the root', /root/, [[{ name: '.' }, 'x']]],
  ])('%s', async (_name, message, entries) => {
    expect((await refused(await archiveBytes(...entries))).message).toMatch(message)
  })

  it('a link may be replaced by a file, and then be a folder', async () => {
    const entries: ArchiveEntry[] = [[{ name: 'l', type: 'symlink', linkname: 'ok' }], [{ name: 'l' }, 'file']]
    expect(await through(await archiveBytes(...entries))).toMatchObject({ l: { content: 'file' } })
  })

  it('more than the caps', async () => {
    const many = Array.from({ length: 20 }, (_, index): ArchiveEntry => [{ name: `f${index}` }, 'xx'])
    expect((await refused(await archiveBytes(...many), { ...LIMITS, maxEntries: 19 })).message).toMatch(/19 entries/)
    expect((await refused(await archiveBytes(...many), { ...LIMITS, maxBytes: 39 })).message).toMatch(/39 bytes/)
    await through(await archiveBytes(...many), { maxBytes: 40, maxEntries: 20 })
  })

  it('what was cut off anywhere, plain and gzipped', async () => {
    const archive = await archiveBytes([{ name: 'a' }, 'x'.repeat(600)], [{ name: 'b' }, ''])
    for (let end = 0; end < archive.length - 1; end += 64) await refused(archive.subarray(0, end))
    const small = gzipSync(archive)
    for (let end = 0; end < small.length - 1; end += 16) await refused(small.subarray(0, end))
  })

  it('other kinds of compression, by their names', async () => {
    for (const [hex, name] of [
      ['fd377a585a0000', 'xz'],
      ['425a6839314159', 'bzip2'],
      ['28b52ffd00000000', 'zstd'],
      ['504b030414000000', 'zip'],
    ] as const)
      expect((await refused(Buffer.from(hex, 'hex'))).message).toContain(name)
  })

  it('no archive at all', async () => {
    for (const bytes of [Buffer.alloc(0), Buffer.alloc(5_000, 7), Buffer.from('hello'), gzipSync('hello')])
      await refused(bytes)
  })
})

describe('an archive that never ends', () => {
  const endless = (piece: Buffer): Readable =>
    new Readable({
      read() {
        this.push(piece)
      },
    })

  it('of zeros, or of long names without entries, stops soon', async () => {
    const pax = (await archiveBytes([{ name: 'n', pax: { comment: 'c'.repeat(100_000) } }, 'x'])).subarray(
      0,
      512 + 100_352,
    )
    for (const piece of [Buffer.alloc(64 * 1024), pax]) {
      const source = endless(piece)
      expect((await refused(source)).message).toMatch(/proportion|bytes/)
      expect(source.destroyed).toBe(true)
    }
  })

  it('of entries stops at the cap, with a million of them and little memory', async () => {
    const one = (await archiveBytes([{ name: 'n', type: 'directory' }])).subarray(0, 512)
    const thousand = Buffer.concat(Array.from({ length: 1_000 }, () => one))
    const before = heldBytes()
    let [reads, most] = [0, 0]
    const source = new Readable({
      read() {
        reads += 1
        if (reads % 10 === 0) most = Math.max(most, heldBytes() - before)
        this.push(thousand)
      },
    })
    await refused(source, { maxBytes: 1, maxEntries: 100_000 })
    expect(reads).toBeGreaterThanOrEqual(100)
    expect(most).toBeLessThan(100 * 1024 ** 2)
  })

  it('of one huge file stops at its header', async () => {
    const header = (await archiveBytes([{ name: 'n', size: 5 }, 'xxxxx'])).subarray(0, 512)
    header.write('77777777777\0', 124, 'latin1')
    let sum = 8 * 32
    for (const [at, byte] of header.entries()) if (at < 148 || at >= 156) sum += byte
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
    expect((await refused(Readable.from([header, Buffer.alloc(600)]))).message).toMatch(/bytes/)
  })

  it('a bomb of gzip stops at the cap', async () => {
    const bomb = gzipSync(await archiveBytes([{ name: 'bomb' }, '\0'.repeat(50 * 1024 ** 2)]))
    expect(bomb.length).toBeLessThan(100_000)
    await refused(bomb)
  })

  it('that only waits is given up when the stream is destroyed', async () => {
    const source = new Readable({ read: () => undefined })
    source.push(Buffer.alloc(3))
    const stream = repackArchive(source, new EntryCount(LIMITS))
    stream.on('error', () => undefined)
    stream.resume()
    await new Promise((resolve) => setTimeout(resolve, 20))
    stream.destroy()
    await new Promise((resolve) => stream.once('close', resolve))
    expect(source.destroyed).toBe(true)
  })

  it('passes an error of its own stream on', async () => {
    const source = new Readable({ read: () => undefined })
    const failure = new Error('the disk broke')
    const result = rejection(through(source))
    source.destroy(failure)
    expect(await result).toBe(failure)
  })
})
