import fc from 'fast-check'
import { Readable } from 'node:stream'
import { extract, pack, type Header } from 'tar-stream'
import { expect, test } from 'vitest'
import { UnsafeArchiveError } from '../../../src/errors.js'
import { parseGitAddress } from '../../../src/runner/sources/git-address.js'
import { EntryCount } from '../../../src/sandbox/archive-rules.js'
import { repackArchive } from '../../../src/sandbox/repack-archive.js'

const LIMITS = { maxBytes: 100_000, maxEntries: 20 }

const name = fc
  .array(fc.constantFrom('a', 'b', 'c', '..', '.', '', 'ż'), { minLength: 1, maxLength: 5 })
  .map((parts) => parts.join('/'))
  .filter((text) => text !== '')

const entry = fc.record({
  name,
  linkname: name,
  type: fc.constantFrom('file', 'file', 'directory', 'symlink', 'link', 'fifo'),
  mode: fc.integer({ min: 0, max: 0o7777 }),
  content: fc.string({ maxLength: 600 }),
})

async function write(
  entries: readonly { name: string; linkname: string; type: Header['type']; mode: number; content: string }[],
) {
  const stream = pack()
  for (const { content, type, ...header } of entries) stream.entry({ ...header, type }, type === 'file' ? content : '')
  stream.finalize()
  return Buffer.concat(await Readable.from(stream, { objectMode: false }).toArray())
}

/** Cut into pieces of the given sizes, repeated. */
function pieces(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const found: Buffer[] = []
  for (let at = 0, index = 0; at < bytes.length; index += 1) {
    const size = sizes[index % sizes.length] ?? 1
    found.push(bytes.subarray(at, at + size))
    at += size
  }
  return found
}

const outcome = async (chunks: readonly Buffer[]): Promise<Buffer | UnsafeArchiveError> => {
  try {
    return Buffer.concat(await repackArchive(Readable.from(chunks), new EntryCount(LIMITS)).toArray())
  } catch (error) {
    if (error instanceof UnsafeArchiveError) return error
    throw error
  }
}

/** Does to a set of names what an extractor does that trusts the archive. @returns whether it was led out of the root */
function leadsOut(entries: readonly Header[]): boolean {
  const links = new Map<string, string>()
  const walk = (path: readonly string[], follow: boolean, budget = 50): string[] | null => {
    const at: string[] = []
    const rest = [...path]
    for (let steps = 0; rest.length > 0; steps += 1) {
      if (steps > budget) return at
      const step = rest.shift() ?? ''
      if (step === '' || step === '.') continue
      if (step === '..') {
        if (at.pop() === undefined) return null
        continue
      }
      at.push(step)
      const target = links.get(at.join('/'))
      if (target === undefined || (rest.length === 0 && !follow)) continue
      at.pop()
      if (target.startsWith('/')) return null
      rest.unshift(...target.split('/'))
    }
    return at
  }
  for (const { name: path, type, linkname } of entries) {
    const place = walk(path.split('/'), type === 'directory')
    if (place === null) return true
    if (type === 'symlink') links.set(place.join('/'), linkname ?? '')
    else if (type === 'link') {
      const target = walk((linkname ?? '').split('/'), false)
      if (target === null) return true
      const copied = links.get(target.join('/'))
      if (copied !== undefined) links.set(place.join('/'), copied)
    } else if (type === 'file') links.delete(place.join('/'))
  }
  return [...links.keys()].some((path) => walk(path.split('/'), true) === null)
}

/** Few names and many links, so that entries meet each other. */
const tangled = fc.record({
  name: fc.array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/')),
  linkname: fc.constantFrom('..', '../..', '../../a', 'a', 'b', 'a/b', 'a/b/a', '../b', '.'),
  type: fc.constantFrom<Header['type'][]>('file', 'directory', 'symlink', 'symlink', 'link'),
  mode: fc.constant(0o644),
  content: fc.constant('x'),
})

test('what passes never leads out, and has nothing but files, folders and links without special bits', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(entry, { arbitrary: tangled, weight: 4 }), { minLength: 1, maxLength: 5 }),
      async (entries) => {
        const result = await outcome([await write(entries)])
        if (result instanceof UnsafeArchiveError) return
        const headers: Header[] = []
        const parser = extract()
        Readable.from([result]).pipe(parser)
        for await (const found of parser) {
          headers.push(found.header)
          found.resume()
        }
        for (const { type, mode = 0, uid, gid } of headers) {
          expect(['file', 'directory', 'symlink', 'link']).toContain(type)
          expect(mode & ~0o777).toBe(0)
          expect([uid, gid]).toEqual([0, 0])
        }
        expect(leadsOut(headers)).toBe(false)
      },
    ),
    { numRuns: 3_000 },
  )
})

test('the same comes out wherever the bytes are cut, and of less than the whole comes an error', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(entry, { minLength: 1, maxLength: 4 }),
      fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 5 }),
      fc.nat(),
      async (entries, sizes, seed) => {
        const bytes = await write(entries)
        const whole = await outcome([bytes])
        expect(await outcome(pieces(bytes, sizes))).toEqual(whole)
        const end = seed % (bytes.length - 1024)
        expect(await outcome([bytes.subarray(0, end)])).toBeInstanceOf(UnsafeArchiveError)
      },
    ),
    { numRuns: 150 },
  )
})

test('bytes that are changed anywhere give an archive or an error, and nothing else', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(entry, { minLength: 1, maxLength: 3 }),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 }),
      async (entries, changes) => {
        const bytes = await write(entries)
        for (const [at, value] of changes) bytes[at % bytes.length] = value
        await outcome([bytes])
      },
    ),
    { numRuns: 300 },
  )
})

test('no name or password of an address is ever in what is shown or given to git as a URL', () => {
  const word = fc.string({ minLength: 4, maxLength: 20 }).filter((text) => text.trim() !== '')
  fc.assert(
    fc.property(word, word, (user, password) => {
      const [name, secret] = [`u${user}`, `p${password}`].map(encodeURIComponent) as [string, string]
      const { shown, url, secrets } = parseGitAddress(`https://${name}:${secret}@host.test/x`)
      expect(shown).toBe('https://***@host.test/x')
      expect(url).toBe('https://host.test/x')
      expect(secrets).toContain(`p${password}`)
    }),
  )
})
