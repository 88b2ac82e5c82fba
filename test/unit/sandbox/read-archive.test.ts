import { Readable } from 'node:stream'
import { extract } from 'tar-stream'
import { describe, expect, it } from 'vitest'
import { tarPadding } from '../../../src/image/tar-header.js'
import { EntryCount } from '../../../src/sandbox/archive-rules.js'
import { readArchive } from '../../../src/sandbox/read-archive.js'
import { archiveBytes } from '../../helpers/archives.js'
import { rejection } from '../../helpers/sandboxes.js'

const END = Buffer.alloc(1024)

/** One header with what follows it. Numbers are octal, as they stand in it. */
function block(flag: string, content: Buffer | string = '', fields: Record<number, string> = {}): Buffer {
  const bytes = Buffer.from(content)
  const header = Buffer.alloc(512)
  const size = bytes.length.toString(8).padStart(11, '0')
  const all = { 0: 'name', 100: '0000644', 124: size, 136: '00000000017', 156: flag, 257: 'ustar\u000000', ...fields }
  for (const [at, text] of Object.entries(all)) header.write(text, Number(at), 'latin1')
  header.fill(0x20, 148, 156)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return Buffer.concat([header, bytes, tarPadding(bytes.length)])
}

const record = (keyword: string, value: string): string => {
  const rest = ` ${keyword}=${value}\n`
  const bytes = Buffer.byteLength(rest)
  const length = [1, 2, 3, 4].find((digits) => String(bytes + digits).length === digits) ?? 0
  return `${bytes + length}${rest}`
}

async function read(...parts: Buffer[]) {
  const count = new EntryCount({ maxBytes: 1e9, maxEntries: 100_000 })
  const found = []
  for await (const { content, ...entry } of readArchive(Readable.from(parts), count)) {
    count.add(entry.size)
    found.push({ ...entry, text: Buffer.concat(await Readable.from(content).toArray()).toString() })
  }
  return found
}

const failure = async (...parts: Buffer[]): Promise<string> => ((await rejection(read(...parts))) as Error).message

describe('what is read', () => {
  it('has the names of GNU tar, of pax and of ustar, and sizes of any form', async () => {
    const long = 'n'.repeat(300)
    const base256 = Buffer.from('800000000000000000000003', 'hex').toString('latin1')
    const found = await read(
      ...[block('L', `${long}\0`), block('0', 'abc', { 257: 'ustar  \0', 345: 'no prefix' })],
      ...[block('K', `${long}\0`), block('2')],
      ...[block('x', record('path', `p/${long}`) + record('linkpath', 'ż=') + record('comment', '')), block('1')],
      ...[block('x', record('size', '3')), block('7', 'abc', { 124: '00000000000' })],
      ...[block('0', 'abc', { 124: base256, 345: 'prefix' }), block('\0', 'abc', { 0: 'old/' }).subarray(0, 512)],
      ...[block('x', record('GNU.sparse.major', '1')), block('0'), block('V'), END],
    )
    expect(found).toMatchObject([
      { name: long, type: 'file', size: 3, mode: 0o644, mtimeSeconds: 15, text: 'abc', isSparse: false },
      { name: 'name', type: 'symlink', linkname: long },
      { name: `p/${long}`, type: 'link', linkname: 'ż=' },
      { name: 'name', type: 'file', size: 3, text: 'abc' },
      { name: 'prefix/name', type: 'file', size: 3, text: 'abc' },
      { name: 'old/', type: 'directory', size: 0, text: '' },
      { name: 'name', isSparse: true },
      { name: 'name', type: 'unknown', isSparse: false },
    ])
  })

  it('is the next entry also when the content of one is left alone or read in part', async () => {
    const bytes = await archiveBytes([{ name: 'a' }, 'x'.repeat(100_000)], [{ name: 'b' }, 'y'], [{ name: 'c' }])
    const pieces = Array.from({ length: 101 }, (_, at) => bytes.subarray(at * 1_024, (at + 1) * 1_024))
    for (const take of [0, 1, 3]) {
      const names = []
      const count = new EntryCount({ maxBytes: 1e9, maxEntries: 10 })
      for await (const { name, size, content } of readArchive(
        Readable.from([...pieces, bytes.subarray(103_424)]),
        count,
      )) {
        names.push(name)
        count.add(size)
        const chunks = content[Symbol.asyncIterator]()
        for (let taken = 0; taken < take; taken += 1) await chunks.next()
      }
      expect(names).toEqual(['a', 'b', 'c'])
    }
  })

  it('may have zeros behind its end, and a global header with a comment', async () => {
    expect(await read(block('g', record('comment', 'abc')), block('0', 'x'), END, Buffer.alloc(10_240))).toHaveLength(1)
  })
})

describe('what is refused', () => {
  it.each<[string, RegExp, Buffer[]]>([
    ['no end', /ends early/, [block('0', 'x')]],
    ['half an end', /ends early/, [block('0', 'x'), END.subarray(512)]],
    ['a cut content', /ends early/, [block('0', 'x'.repeat(600)).subarray(0, 1_000)]],
    ['a cut long header', /ends early/, [block('x', record('path', 'a'.repeat(600))).subarray(0, 1_000)]],
    ['a lone block of zeros', /in the middle/, [END.subarray(512), block('0', 'x'), END]],
    ['something behind the end', /behind its end/, [block('0', 'x'), END, block('0', 'y'), END]],
    ['a wrong checksum', /checksum/, [Buffer.concat([Buffer.from('N'), block('0').subarray(1)]), END]],
    ['an unknown format', /no known format/, [block('0', '', { 257: 'other' }), END]],
    ['a size that is none', /size that is none/, [block('0', '', { 124: '0000000000x' }), END]],
    ['a negative size', /size that is none/, [block('x', record('size', '-512')), block('0', 'x'), END]],
    ['a size of 2^60', /size that is none/, [block('x', record('size', String(2n ** 60n))), block('0', 'x'), END]],
    ['a global name', /global header/, [block('g', record('path', 'a')), block('0', 'x'), END]],
    ['two names', /different things/, [block('L', 'a\0'), block('x', record('path', 'b')), block('0', 'x'), END]],
    ['a pax record without end', /damaged/, [block('x', '99 path=a\n'), block('0', 'x'), END]],
    ['a pax record of no length', /damaged/, [block('x', '0 path=a\n'), block('0', 'x'), END]],
    ['a pax record without a value', /damaged/, [block('x', '7 path\n'), block('0', 'x'), END]],
    ['a header of 2 MiB', /more than 1048576 bytes/, [block('x', 'x'.repeat(2 * 1024 ** 2)), block('0', 'x'), END]],
  ])('%s', async (_name, message, parts) => {
    expect(await failure(...parts)).toMatch(message)
  })
})

it('a global header of 100,000 records costs the entries after it nothing', async () => {
  const many = Array.from({ length: 100_000 }, (_, index) => record(`k${index.toString(36)}`, '')).join('')
  const parts = [block('g', many)]
  for (let index = 0; index < 2_000; index += 1) parts.push(block('x', record('path', `f${index}`)), block('0', 'x'))
  const begin = performance.now()
  expect(await read(...parts, END)).toHaveLength(2_000)
  const oursMs = performance.now() - begin
  // Another reader, which joins its records to those of each entry, for a hundredth of them.
  const parser = extract()
  const slowBegin = performance.now()
  Readable.from([...parts.slice(0, 41), END]).pipe(parser)
  for await (const entry of parser) entry.resume()
  expect(performance.now() - slowBegin).toBeGreaterThan(oursMs)
})
