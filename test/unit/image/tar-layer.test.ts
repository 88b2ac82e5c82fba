import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { contentKey } from '../../../src/image/content-key.js'
import { encodeTarHeader, tarEntryBytes, type TarHeader } from '../../../src/image/tar-header.js'
import { buildLayer, digestLayer, type LayerEntry } from '../../../src/image/tar-layer.js'
import { layerBytes, readLayer } from '../../helpers/read-layer.js'

function file(path: string, content: string, more: Partial<TarHeader> = {}): LayerEntry {
  const bytes = Buffer.from(content)
  const header = { path: Buffer.from(path), type: 'file', mode: 0o644, uid: 1, gid: 2, size: bytes.length } as const
  return { ...header, ...more, content: () => bytes }
}

describe('buildLayer', () => {
  it('gives the same bytes for the same entries in any order', async () => {
    const entries = [file('b', '2'), file('a/c', '3'), file('a', '', { type: 'directory', size: 0 }), file('a-b', '4')]
    const layer = buildLayer(entries)
    expect(await layerBytes(buildLayer(entries.toReversed()))).toEqual(await layerBytes(layer))
    const read = await readLayer(layer)
    expect(read.map(({ name }) => name)).toEqual(['a/', 'a-b', 'a/c', 'b'])
    expect(read.every(({ mtime }) => mtime?.getTime() === 0)).toBe(true)
  })

  it('knows its size in advance and differs when anything does', async () => {
    const layers = [
      file('a', 'x'),
      file('a', 'y'),
      file('b', 'x'),
      file('a', 'x', { mode: 0o600 }),
      file('a', 'x', { uid: 9 }),
    ]
    const digests = await Promise.all(layers.map((entry) => digestLayer(buildLayer([entry]))))
    expect(new Set(digests).size).toBe(layers.length)
    const layer = buildLayer([file('n'.repeat(300), 'x'.repeat(1000)), file('z', '')])
    expect((await layerBytes(layer)).length).toBe(layer.sizeBytes)
  })

  it('refuses two entries with one path, and content of another size than was said', async () => {
    expect(() => buildLayer([file('a', ''), file('a', '1')])).toThrow(/Two files/)
    await expect(layerBytes(buildLayer([file('a', '123', { size: 4 })]))).rejects.toThrow(/gave 3 bytes instead of 4/)
  })

  it('ends when it is aborted', async () => {
    const controller = new AbortController()
    const entries = Array.from({ length: 1000 }, (_, index) => file(`f${index}`, 'x'.repeat(10_000)))
    const reading = (async () => {
      for await (const chunk of buildLayer(entries).open(controller.signal)) if (chunk.length > 0) controller.abort()
    })()
    await expect(reading).rejects.toThrow(/abort/)
  })

  it('writes what GNU tar reads, also names that are not UTF-8', async () => {
    const odd = Buffer.from([0x66, 0xff, 0x0a, 0x67])
    const bytes = await layerBytes(buildLayer([{ ...file('', 'x'), path: odd }, file('d/'.repeat(90) + 'end', 'y')]))
    const names = execFileSync('tar', ['--quoting-style=escape', '-tf', '-'], { input: bytes, encoding: 'utf8' })
    expect(names.trim().split('\n')).toEqual(['d/'.repeat(90) + 'end', 'f\\377\\ng'])
  })

  it('is read back as it was given', async () => {
    const name = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 250 })
      .filter((text) => !/[/\0\r\n]|^\.+$/.test(text))
    const content = fc.string({ maxLength: 2000 })
    const numbers = fc.tuple(fc.nat(0o777), fc.nat(0o7777777), fc.nat(0o7777777))
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.tuple(name, content, numbers), { maxLength: 5, selector: ([key]) => key }),
        async (files) => {
          const entries = files.map(([path, text, [mode, uid, gid]]) => file(path, text, { mode, uid, gid }))
          const back = await readLayer(buildLayer(entries))
          const found = new Map(back.map((entry) => [entry.name, entry]))
          for (const [path, text, [mode, uid, gid]] of files) {
            expect(found.get(path)).toMatchObject({ content: Buffer.from(text), mode, uid, gid, type: 'file' })
          }
          expect(back.length).toBe(files.length)
        },
      ),
      { numRuns: 100 },
    )
  })
})

describe('encodeTarHeader', () => {
  it('takes sizes and owners beyond the old format', () => {
    const header = {
      path: Buffer.from('big'),
      type: 'file',
      mode: 0o644,
      uid: 3_000_000,
      gid: 2 ** 31,
      size: 2 ** 40,
    } as const
    const encoded = encodeTarHeader(header)
    expect(encoded.length).toBe(3 * 512)
    expect(encoded.toString('latin1')).toContain('size=1099511627776\n')
    expect(tarEntryBytes(header)).toBe(3 * 512 + 2 ** 40)
    const input = Buffer.concat([encodeTarHeader({ ...header, size: 0 }), Buffer.alloc(1024)])
    const listed = execFileSync('tar', ['--numeric-owner', '-tvf', '-'], { input, encoding: 'utf8' })
    expect(listed).toContain('3000000/2147483648')
  })
})

describe('contentKey', () => {
  it('tells apart lists that would run together', () => {
    expect(contentKey('ab', 'c')).not.toBe(contentKey('a', 'bc'))
    expect(contentKey('a')).not.toBe(contentKey('a', ''))
    expect(contentKey('a', 1)).toBe(contentKey('a', '1'))
    expect(contentKey('a')).toMatch(/^[0-9a-f]{40}$/)
  })
})
