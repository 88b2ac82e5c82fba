import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ImageError } from '../../../src/errors.js'
import { readElf } from '../../../src/image/elf.js'

describe('readElf', () => {
  let folder: string
  const small = realpathSync('/usr/bin/true')

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'elf-'))
  })
  afterAll(() => {
    rmSync(folder, { recursive: true })
  })

  function crafted(change: (bytes: Buffer) => Buffer): string {
    const path = join(folder, 'crafted')
    writeFileSync(path, change(readFileSync(small)))
    return path
  }

  it('reads a program', () => {
    const elf = readElf(small)
    expect(elf?.interpreter).toMatch(/^\/lib.*\/ld-linux/)
    expect(elf?.needed).toContain('libc.so.6')
    expect(elf?.soname).toBeNull()
  })

  it('reads node itself and a library', () => {
    expect(readElf(process.execPath)?.interpreter).toBe(readElf(small)?.interpreter)
    const libc = readElf(
      realpathSync(`/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/libc.so.6`),
    )
    expect(libc?.soname).toBe('libc.so.6')
  })

  it('gives null for what is no ELF file', () => {
    expect(readElf('/etc/passwd')).toBeNull()
    expect(readElf(crafted(() => Buffer.alloc(0)))).toBeNull()
  })

  it.each<[string, RegExp, (bytes: Buffer) => Buffer]>([
    ['a cut header', /header is cut off/, (bytes) => bytes.subarray(0, 40)],
    ['32 bits', /not 64-bit/, (bytes) => (bytes.writeUInt8(1, 4), bytes)],
    ['big endian', /not 64-bit/, (bytes) => (bytes.writeUInt8(2, 5), bytes)],
    ['a million program headers', /program headers/, (bytes) => (bytes.writeUInt16LE(0xffff, 56), bytes)],
    ['program headers past the end', /past its end/, (bytes) => (bytes.writeBigUInt64LE(2n ** 63n, 32), bytes)],
    ['a cut body', /past its end/, (bytes) => bytes.subarray(0, 1024)],
  ])('refuses %s', (_, message, change) => {
    const path = crafted(change)
    expect(() => readElf(path)).toThrow(ImageError)
    expect(() => readElf(path)).toThrow(message)
  })

  it('never fails with anything but an ImageError, whatever the bytes', () => {
    const original = readFileSync(small).subarray(0, 2048)
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(1023), fc.nat(255)), { minLength: 1, maxLength: 8 }), (changes) => {
        const path = crafted(() => {
          const bytes = Buffer.from(original)
          for (const [at, value] of changes) bytes[at] = value
          return bytes
        })
        try {
          readElf(path)
        } catch (error) {
          expect(error).toBeInstanceOf(ImageError)
        }
      }),
      { numRuns: 300 },
    )
  })
})
