import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FrameDecoder, FrameType, ProtocolViolation } from '../../../src/protocol/index.js'
import { cut, frame, type Frame } from '../../helpers/wire.js'

const streamId = fc.integer({ min: 0, max: 0xffff_ffff })
const frames = fc.array(
  fc.oneof(
    fc.record({
      type: fc.constant<number>(FrameType.Data),
      id: streamId,
      payload: fc.uint8Array({ minLength: 1, maxLength: 300 }),
    }),
    fc.record({ type: fc.constant<number>(FrameType.End), id: streamId, payload: fc.constant(new Uint8Array()) }),
    fc.record({
      type: fc.constantFrom<number[]>(FrameType.Reset, FrameType.Credit),
      id: streamId,
      payload: fc.uint8Array({ minLength: 4, maxLength: 4 }),
    }),
  ),
  { maxLength: 12 },
)

const encode = (list: readonly { type: number; id: number; payload: Uint8Array }[]): Buffer =>
  Buffer.concat(list.map(({ type, id, payload }) => frame(type, id, Buffer.from(payload))))

/** Decodes chunk by chunk; consecutive pieces of DATA for one stream are joined, as frames cannot be told from pieces. */
function decode(chunks: readonly Buffer[]): Frame[] {
  const decoded: Frame[] = []
  const decoder = new FrameDecoder((type, id, payload) => {
    const last = decoded.at(-1)
    if (type === FrameType.Data && last?.type === type && last.id === id) {
      decoded[decoded.length - 1] = { type, id, payload: Buffer.concat([last.payload, payload]) }
    } else {
      decoded.push({ type, id, payload: Buffer.from(payload) })
    }
  })
  for (const chunk of chunks) decoder.push(chunk)
  return decoded
}

test('frames arrive the same however the bytes are cut', () => {
  fc.assert(
    fc.property(frames, fc.array(fc.nat(4_000), { maxLength: 40 }), (list, offsets) => {
      const bytes = encode(list)
      expect(decode(cut(bytes, offsets))).toEqual(decode([bytes]))
    }),
    { numRuns: 500 },
  )
})

test('frames arrive the same cut in two at every byte, and byte by byte', () => {
  fc.assert(
    fc.property(frames, (list) => {
      const bytes = encode(list)
      const whole = decode([bytes])
      for (let at = 1; at < bytes.length; at += 1)
        expect(decode([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(whole)
      expect(decode([...bytes].map((byte) => Buffer.from([byte])))).toEqual(whole)
    }),
    { numRuns: 30 },
  )
})

test('what was sent is what arrives', () => {
  fc.assert(
    fc.property(frames, (list) => {
      const sent = list.map(({ type, id, payload }) => `${type}:${id}:${Buffer.from(payload).toString('hex')}`)
      const arrived: string[] = []
      new FrameDecoder((type, id, payload) => arrived.push(`${type}:${id}:${payload.toString('hex')}`)).push(
        encode(list),
      )
      expect(arrived).toEqual(sent)
    }),
  )
})

test('any bytes are frames or a violation, and the cut does not decide which', () => {
  const outcome = (chunks: readonly Buffer[]): string => {
    try {
      return JSON.stringify(decode(chunks))
    } catch (error) {
      if (error instanceof ProtocolViolation) return error.message
      throw error
    }
  }
  // Bytes with a fair chance of valid headers.
  const bytes = fc.array(fc.oneof(fc.constantFrom(0, 1, 2, 3, 4, 5), fc.nat(255)), { maxLength: 200 })
  fc.assert(
    fc.property(bytes, fc.array(fc.nat(200)), (list, offsets) => {
      const all = Buffer.from(list)
      expect(outcome(cut(all, offsets))).toBe(outcome([all]))
    }),
    { numRuns: 2_000 },
  )
})
