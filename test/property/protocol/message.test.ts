import fc from 'fast-check'
import { expect, test } from 'vitest'
import { UnsendableError } from '../../../src/errors.js'
import { MessageDecoder, ProtocolViolation, encodeMessage } from '../../../src/protocol/index.js'
import { assertCheapJson } from '../../../src/protocol/json-text.js'
import { cut, message } from '../../helpers/wire.js'

const key = fc.string({ unit: 'binary', maxLength: 8 }).filter((name) => name !== '__proto__')
const { value: json } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 6 },
    fc.constantFrom(null, true, false, '', '__proto__', '\\u0041', '"', '\\'),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
    fc.string({ unit: 'binary' }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(key, tie('value'), { maxKeys: 5, noNullPrototype: true }),
  ),
}))

function decode(chunks: readonly Buffer[]): unknown[] {
  const values: unknown[] = []
  const decoder = new MessageDecoder((value) => values.push(value))
  for (const chunk of chunks) decoder.push(chunk)
  return values
}

test('messages arrive as they were sent, however the bytes are cut', () => {
  fc.assert(
    fc.property(fc.array(json, { maxLength: 4 }), fc.array(fc.nat(3_000), { maxLength: 30 }), (values, offsets) => {
      const bytes = Buffer.concat(values.map((value) => encodeMessage(value)))
      expect(decode(cut(bytes, offsets))).toEqual(values.map((value) => JSON.parse(JSON.stringify(value)) as unknown))
    }),
    { numRuns: 1_000 },
  )
})

test('any value either arrives as JSON has it, or is refused with a path', () => {
  const anything = fc.anything({
    withBigInt: true,
    withBoxedValues: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withTypedArray: true,
    withSparseArray: true,
    withNullPrototype: true,
    withUnicodeString: true,
  })
  fc.assert(
    fc.property(anything, (value) => {
      let encoded: Buffer
      try {
        encoded = encodeMessage(value)
      } catch (error) {
        expect(error).toBeInstanceOf(UnsendableError)
        expect((error as Error).message).toMatch(/^\$.*: .+ cannot be sent/)
        return
      }
      expect(encoded.toString('utf8', 4)).toBe(JSON.stringify(value))
      expect(decode([encoded])).toHaveLength(1)
    }),
    { numRuns: 3_000 },
  )
})

test('text is accepted as JSON.parse would, and nothing but a violation is thrown', () => {
  const broken = json.chain((value) => {
    const text = JSON.stringify(value)
    return fc
      .tuple(fc.nat(text.length), fc.constantFrom('', '"', '\\', '[', ']', '{', '}', ',', '\u0000', 'é'))
      .map(([at, insert]) => text.slice(0, at) + insert + text.slice(at + 1))
  })
  fc.assert(
    fc.property(fc.oneof(broken, fc.string(), fc.json()), (text) => {
      // A lone surrogate does not survive UTF-8.
      fc.pre(text !== '' && Buffer.from(text).toString() === text)
      let expected: unknown[] | undefined
      try {
        expected = [JSON.parse(text.replaceAll('__proto__', '__PROTO__'))]
      } catch {
        expected = undefined
      }
      try {
        expect(decode([message(text.replaceAll('__proto__', '__PROTO__'))])).toEqual(expected)
      } catch (error) {
        expect(error).toBeInstanceOf(ProtocolViolation)
        expect(expected).toBeUndefined()
      }
    }),
    { numRuns: 3_000 },
  )
})

test('any bytes are a message or a violation', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      try {
        decode([Buffer.from(bytes)])
        decode([message(Buffer.from(bytes))])
      } catch (error) {
        expect(error).toBeInstanceOf(ProtocolViolation)
      }
    }),
    { numRuns: 2_000 },
  )
})

test('depth is counted as it is', () => {
  const depthOf = (value: unknown): number =>
    typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0
  fc.assert(
    fc.property(json, fc.integer({ min: 0, max: 8 }), (value, maxDepth) => {
      const check = () => assertCheapJson(Buffer.from(JSON.stringify(value)), maxDepth, 1_000)
      if (depthOf(value) > maxDepth) expect(check).toThrow(ProtocolViolation)
      else check()
    }),
    { numRuns: 1_000 },
  )
})
