import { describe, expect, test } from 'vitest'
import {
  MAX_MESSAGE_BYTES,
  MAX_MESSAGE_DEPTH,
  MAX_MESSAGE_VALUES,
  MessageDecoder,
  ProtocolViolation,
  encodeMessage,
} from '../../../src/protocol/index.js'
import { message } from '../../helpers/wire.js'
import { heldBytes } from '../../helpers/memory.js'

function decode(bytes: Buffer): unknown[] {
  const values: unknown[] = []
  new MessageDecoder((value) => values.push(value)).push(bytes)
  return values
}

const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels)

describe('encodeMessage', () => {
  test('writes the length in bytes of UTF-8, then JSON', () => {
    expect([...encodeMessage('ä')]).toEqual([0, 0, 0, 4, 0x22, 0xc3, 0xa4, 0x22])
  })

  test('accepts a message of exactly the largest size, and refuses one byte more', () => {
    const largest = 'x'.repeat(MAX_MESSAGE_BYTES - 2)
    expect(encodeMessage(largest).length).toBe(MAX_MESSAGE_BYTES + 4)
    expect(() => encodeMessage(`${largest}x`)).toThrow(/16777217 bytes of JSON, at most 16777216/)
    expect(() => encodeMessage('ä'.repeat(MAX_MESSAGE_BYTES / 2))).toThrow('at most 16777216')
  })
})

describe('the decoder', () => {
  test('decodes several messages of one chunk in order', () => {
    expect(decode(Buffer.concat([message('1'), message('"ä"'), message('{"a":[]}')]))).toEqual([1, 'ä', { a: [] }])
  })

  test('puts together a large message from small chunks', () => {
    const text = JSON.stringify('y'.repeat(300_000))
    const bytes = message(text)
    const values: unknown[] = []
    const decoder = new MessageDecoder((value) => values.push(value))
    for (let at = 0; at < bytes.length; at += 999) decoder.push(bytes.subarray(at, at + 999))
    expect(values).toEqual([JSON.parse(text)])
    expect(decoder.bufferedBytes).toBe(0)
  })

  test('reserves memory for what came, not for what was announced', () => {
    const before = heldBytes()
    const decoders = Array.from({ length: 64 }, () => new MessageDecoder(() => expect.unreachable()))
    const head = Buffer.concat([message(' '.repeat(64)).subarray(4), Buffer.alloc(4)])
    const announced = Buffer.alloc(4)
    announced.writeUInt32BE(MAX_MESSAGE_BYTES)
    for (const decoder of decoders) decoder.push(Buffer.concat([announced, head]))
    expect(heldBytes() - before).toBeLessThan(16 * 1_048_576)
    expect(decoders.every((decoder) => decoder.bufferedBytes < 100)).toBe(true)
  })

  test('accepts depth and values up to the caps', () => {
    expect(decode(message(nested(MAX_MESSAGE_DEPTH)))).toHaveLength(1)
    expect(decode(message(`[${'0,'.repeat(MAX_MESSAGE_VALUES - 1)}0]`))).toHaveLength(1)
  })

  test.each([
    ['a length of 0', Buffer.alloc(4), 'an empty message'],
    ['a length above the cap', Buffer.from([1, 0, 0, 1]), '16777217 bytes'],
    ['the largest length', Buffer.from([255, 255, 255, 255]), '4294967295 bytes'],
    ['one level too many', message(nested(MAX_MESSAGE_DEPTH + 1)), 'deeper than 64'],
    ['a million levels', message('['.repeat(1_000_000)), 'deeper than 64'],
    ['a million objects', message('{"a":'.repeat(1_000_000)), 'deeper than 64'],
    ['one value too many', message(`[${'0,'.repeat(MAX_MESSAGE_VALUES)}0]`), 'more than 262144 values'],
    ['a million keys', message(`{${Array.from({ length: 1e6 }, (_, i) => `"${i}":0`).join()}}`), 'more than 262144'],
    ['five million empty objects', message(`[${'{},'.repeat(5e6)}0]`), 'more than 262144 values'],
    ['invalid UTF-8', message(Buffer.from([0x22, 0xff, 0x22])), 'not UTF-8'],
    ['an encoded surrogate', message(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])), 'not UTF-8'],
    ['an overlong encoding', message(Buffer.from([0x22, 0xc0, 0xaf, 0x22])), 'not UTF-8'],
    ['a byte order mark', message(Buffer.from([0xef, 0xbb, 0xbf, 0x31])), 'not JSON'],
    ['two values', message('1 2'), 'not JSON'],
    ['a trailing comma', message('[1,]'), 'not JSON'],
    ['NaN', message('NaN'), 'not JSON'],
    ['an open string', message('"abc\\"'), 'not JSON'],
    ['spaces', message('   '), 'not JSON'],
    ['closing brackets', message(']]]]'), 'not JSON'],
  ])('%s is a violation', (_name, bytes, detail) => {
    expect(() => decode(bytes)).toThrow(ProtocolViolation)
    expect(() => decode(bytes)).toThrow(detail)
  })

  test('brackets and quotes in strings do not count', () => {
    const text = JSON.stringify({ a: '[[{{"\\'.repeat(100), b: ['\\', '\\"', '"'.repeat(50), '\\'.repeat(51)] })
    expect(decode(message(text))).toEqual([JSON.parse(text)])
  })

  test('a violation says nothing of what the message held', () => {
    expect(() => decode(message('secret'))).toThrow(/^protocol violation: a message that is not JSON$/)
  })

  test('is closed after a violation and keeps nothing', () => {
    const values: unknown[] = []
    const decoder = new MessageDecoder((value) => values.push(value))
    expect(() => decoder.push(Buffer.concat([message('x'), message('1')]))).toThrow(ProtocolViolation)
    decoder.push(message('2'))
    expect(values).toEqual([])
    expect(decoder.bufferedBytes).toBe(0)
  })
})

describe('__proto__ members', () => {
  test.each(['{"__proto__":{"admin":true},"a":1}', '{"\\u005f_proto__":{"admin":true},"a":1}'])(
    '%s: removed',
    (text) => {
      const [value] = decode(message(text)) as [object]
      expect(Object.keys(value)).toEqual(['a'])
      expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
      expect(Object.hasOwn({ ...value }, 'admin') || 'admin' in Object.assign({}, value)).toBe(false)
    },
  )

  test('removed at every depth, in arrays too', () => {
    const text = '{"a":[{"b":{"__proto__":{"polluted":1},"constructor":{"prototype":{"x":1}}}}]}'
    const [value] = decode(message(text))
    expect(JSON.stringify(value)).toBe('{"a":[{"b":{"constructor":{"prototype":{"x":1}}}}]}')
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })

  test('the text as a value stays', () => {
    expect(decode(message('["__proto__"]'))).toEqual([['__proto__']])
  })
})
