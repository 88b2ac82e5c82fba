/** Builds and reads the bytes of the channel by hand, so that tests can say what no honest peer says. */
import { FrameDecoder, FrameType, encodeFrameHeader } from '../../src/protocol/index.js'

export interface Frame {
  readonly type: number
  readonly id: number
  readonly payload: Buffer
}

export function frame(type: number, id: number, payload: Buffer | string = ''): Buffer {
  const bytes = Buffer.from(payload)
  return Buffer.concat([encodeFrameHeader(type, id, bytes.length), bytes])
}

function number32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

export const data = (id: number, payload: Buffer | string): Buffer => frame(FrameType.Data, id, payload)
export const end = (id: number): Buffer => frame(FrameType.End, id)
export const reset = (id: number, code = 1): Buffer => frame(FrameType.Reset, id, number32(code))
export const credit = (id: number, bytes: number): Buffer => frame(FrameType.Credit, id, number32(bytes))

/** A message as it stands on streams 0 and 1, from JSON text that need not be JSON. */
export function message(json: string | Buffer): Buffer {
  const bytes = Buffer.from(json)
  return Buffer.concat([number32(bytes.length), bytes])
}

/** Takes bytes apart; pieces of a DATA payload are put together when they come in one buffer. */
export function parseFrames(bytes: Buffer): Frame[] {
  const frames: Frame[] = []
  new FrameDecoder((type, id, payload) => frames.push({ type, id, payload: Buffer.from(payload) })).push(bytes)
  return frames
}

/** Cuts a buffer at the given offsets; offsets beyond its length are ignored. */
export function cut(bytes: Buffer, offsets: readonly number[]): Buffer[] {
  const points = [
    0,
    ...[...new Set(offsets)].filter((at) => at > 0 && at < bytes.length).sort((a, b) => a - b),
    bytes.length,
  ]
  return points.slice(1).map((point, index) => bytes.subarray(points[index], point))
}
