import { describe, expect, test } from 'vitest'
import { MAX_PIECE_UNITS, OutputDecoder, SecretMasker } from '../../../../src/runner/output/index.js'
import { heldBytes } from '../../../helpers/memory.js'

const decoderOf = (...secrets: string[]) => new OutputDecoder(new SecretMasker(secrets))

test('gives whole lines, the unfinished one when it is asked for, and the rest at the end', () => {
  const decoder = decoderOf()
  expect(decoder.push(Buffer.from('a\nb\nc'))).toEqual(['a\nb\n'])
  expect(decoder.hasLine).toBe(true)
  expect(decoder.push(Buffer.from('d'))).toEqual([])
  expect(decoder.flush()).toEqual(['cd'])
  expect([decoder.hasLine, decoder.flush()]).toEqual([false, []])
  expect(decoder.push(Buffer.from('e\nf'))).toEqual(['e\n'])
  expect(decoder.end()).toEqual(['f'])
})

test('keeps escape sequences, carriage returns and characters that change direction', () => {
  const text = '\u001b[31mred\u001b[0m\r50%\r\u202eabc\u2066\u0000\n'
  expect(decoderOf().push(Buffer.from(text))).toEqual([text])
})

test('masks before it decodes, across chunks, and holds a secret’s beginning back from a flush', () => {
  const decoder = decoderOf('żółw-secret')
  const bytes = Buffer.from('is żółw-secret\n')
  expect(decoder.push(bytes.subarray(0, 8))).toEqual([])
  expect(decoder.flush()).toEqual(['is '])
  expect(decoder.push(bytes.subarray(8))).toEqual(['***\n'])
})

describe('bytes that are no UTF-8', () => {
  test.each([
    ['ff41', '\ufffdA'],
    ['e2', '\ufffd'],
    ['f09f98', '\ufffd'],
    ['eda080', '\ufffd\ufffd\ufffd'],
    ['c0af', '\ufffd\ufffd'],
    ['efbbbf41', '\ufeffA'],
  ])('%s', (hex, text) => {
    for (const chunks of [
      [Buffer.from(hex, 'hex')],
      Array.from(Buffer.from(hex, 'hex'), (byte) => Buffer.from([byte])),
    ]) {
      const decoder = decoderOf()
      expect([...chunks.flatMap((chunk) => decoder.push(chunk)), ...decoder.end()].join('')).toBe(text)
    }
  })
})

describe('pieces', () => {
  test('are cut at line ends', () => {
    const line = `${'x'.repeat(99)}\n`
    const pieces = decoderOf().push(Buffer.from(line.repeat(1000)))
    expect(pieces.join('')).toBe(line.repeat(1000))
    expect(pieces.map(({ length }) => length)).toEqual([32_700, 32_700, 32_700, 1900])
  })

  test('of a line without end are full, not cut in the middle of a pair, and memory does not grow', () => {
    const decoder = decoderOf('a-secret')
    const chunk = Buffer.from(`x${'😀'.repeat(16_384)}`)
    const before = heldBytes()
    let units = 0
    let wrong = 0
    for (let round = 0; round < 500; round += 1) {
      for (const piece of decoder.push(chunk)) {
        units += piece.length
        if (piece.length > MAX_PIECE_UNITS || piece.length < MAX_PIECE_UNITS - 1 || /\p{Surrogate}/u.test(piece))
          wrong += 1
      }
    }
    expect(heldBytes() - before).toBeLessThan(4 * 2 ** 20)
    for (const piece of decoder.end()) units += piece.length
    expect(units).toBe(500 * 32_769)
    expect(wrong).toBe(0)
  })

  test('of one chunk of 64 MiB without a line end come in linear time', () => {
    const pieces = decoderOf().push(Buffer.alloc(64 * 2 ** 20, 'x'))
    expect(pieces.length).toBe(2048)
  })

  test('of a line that comes byte by byte come in linear time', () => {
    const decoder = decoderOf()
    const byte = Buffer.from('x')
    const began = process.cpuUsage()
    let pieces = 0
    for (let count = 0; count < 300_000; count += 1) pieces += decoder.push(byte).length
    expect(pieces).toBe(9)
    expect(process.cpuUsage(began).user).toBeLessThan(3_000_000)
  })
})
