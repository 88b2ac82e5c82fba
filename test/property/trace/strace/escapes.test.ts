import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeEscapes, readDescriptor, readString } from '../../../../src/trace/strace/index.js'
import { bracketed, encode, names, quoted } from './printer.js'

const bytes = fc.oneof(
  names,
  fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)),
)

test('every name comes back byte for byte from quotes', () => {
  fc.assert(
    fc.property(bytes, (name) => {
      const text = readString(quoted(name))
      expect(text?.truncated).toBe(false)
      expect(encode(text?.value ?? 'none')).toEqual(name)
    }),
    { numRuns: 3000 },
  )
})

test('every path comes back byte for byte from angle brackets', () => {
  fc.assert(
    fc.property(bytes, fc.boolean(), (path, deleted) => {
      const read = readDescriptor(`3${bracketed(path)}${deleted ? '(deleted)' : ''}`)
      expect(read).toMatchObject({ fd: 3, deleted })
      expect(encode(read?.path ?? 'none')).toEqual(path)
    }),
    { numRuns: 3000 },
  )
})

test('valid UTF-8 is read as such', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (name) => {
      expect(readString(quoted(Buffer.from(name)))?.value).toBe(name)
    }),
  )
})

test('nothing makes decoding throw', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('\\', '"', 'x', '0', '7', '9', 'n', '\xff') }), (text) => {
      const decoded = decodeEscapes(text)
      expect(decoded === null || typeof decoded === 'string').toBe(true)
    }),
    { numRuns: 2000 },
  )
})
