import { describe, expect, test } from 'vitest'
import { FrameDecoder, FrameType, ProtocolViolation, encodeFrameHeader } from '../../../src/protocol/index.js'
import { credit, data, end, frame, parseFrames, reset } from '../../helpers/wire.js'

describe('the header', () => {
  test('is type, 24 bits of length, 32 bits of stream id, big endian', () => {
    expect([...encodeFrameHeader(1, 0x01020304, 65_536)]).toEqual([1, 1, 0, 0, 1, 2, 3, 4])
    expect([...encodeFrameHeader(4, 0xffff_ffff, 4)]).toEqual([4, 0, 0, 4, 255, 255, 255, 255])
  })

  test.each([
    ['type 0', frame(0, 2)],
    ['type 5', frame(5, 2)],
    ['type 255', frame(255, 2, 'x')],
    ['DATA of 0 bytes', encodeFrameHeader(FrameType.Data, 2, 0)],
    ['DATA of 65,537 bytes', encodeFrameHeader(FrameType.Data, 2, 65_537)],
    ['DATA of 16,777,215 bytes', encodeFrameHeader(FrameType.Data, 2, 0xff_ffff)],
    ['END with a payload', frame(FrameType.End, 2, 'x')],
    ['RESET of 3 bytes', frame(FrameType.Reset, 2, 'xxx')],
    ['RESET of 5 bytes', frame(FrameType.Reset, 2, 'xxxxx')],
    ['CREDIT without bytes', frame(FrameType.Credit, 2)],
    ['CREDIT of 65,536 bytes', encodeFrameHeader(FrameType.Credit, 2, 65_536)],
  ])('%s is refused as soon as the header is there', (_name, bytes) => {
    const decoder = new FrameDecoder(() => expect.unreachable())
    decoder.push(bytes.subarray(0, 7))
    expect(() => decoder.push(bytes.subarray(7, 8))).toThrow(ProtocolViolation)
  })

  test('the largest frame is accepted', () => {
    const [only] = parseFrames(data(7, Buffer.alloc(65_536, 'a')))
    expect(only?.payload.length).toBe(65_536)
  })
})

describe('the decoder', () => {
  test('hands out frames of every type in order', () => {
    const bytes = Buffer.concat([data(2, 'ab'), credit(3, 0xffff_ffff), reset(0xffff_ffff, 9), end(2)])
    expect(parseFrames(bytes)).toEqual([
      { type: FrameType.Data, id: 2, payload: Buffer.from('ab') },
      { type: FrameType.Credit, id: 3, payload: Buffer.from([255, 255, 255, 255]) },
      { type: FrameType.Reset, id: 0xffff_ffff, payload: Buffer.from([0, 0, 0, 9]) },
      { type: FrameType.End, id: 2, payload: Buffer.alloc(0) },
    ])
  })

  test('hands out a payload piece by piece, without copying it', () => {
    const pieces: Buffer[] = []
    const decoder = new FrameDecoder((_type, _id, payload) => pieces.push(payload))
    const bytes = data(2, 'abcdef')
    const [first, second] = [bytes.subarray(0, 10), bytes.subarray(10)]
    decoder.push(first)
    expect(pieces.map(String)).toEqual(['ab'])
    decoder.push(second)
    expect(pieces.map(String)).toEqual(['ab', 'cdef'])
    expect(pieces.every((piece) => piece.buffer === bytes.buffer)).toBe(true)
  })

  test('delivers nothing after close, not even the rest of the chunk', () => {
    let count = 0
    const decoder: FrameDecoder = new FrameDecoder(() => {
      count += 1
      decoder.close()
    })
    decoder.push(Buffer.concat([end(2), end(3)]))
    decoder.push(end(4))
    expect(count).toBe(1)
  })

  test('delivers nothing after a violation', () => {
    let count = 0
    const decoder = new FrameDecoder(() => (count += 1))
    expect(() => decoder.push(Buffer.concat([frame(9, 2), end(2)]))).toThrow('frame type 9')
    decoder.push(end(2))
    expect(count).toBe(0)
  })
})
