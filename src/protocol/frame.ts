/**
 * Frames: what the container's stdin and stdout carry, and nothing else.
 *
 * A frame is an 8-byte header (u8 type, u24be payload length, u32be stream id) and its payload. The decoder never
 * assembles the payload of a DATA frame: it hands out slices of the chunks that arrive, so a bulk stream costs no copy
 * and a peer that announces 64 KiB and sends one byte costs one byte.
 */
import { Buffer } from 'node:buffer'
import { FRAME_HEADER_BYTES, MAX_FRAME_PAYLOAD_BYTES } from './limits.js'
import { ProtocolViolation } from './violation.js'

export { FRAME_HEADER_BYTES, MAX_FRAME_PAYLOAD_BYTES }

/** Data: 1 to 65,536 bytes. End: empty. Reset: u32be code. Credit: u32be bytes. */
export const FrameType = { Data: 1, End: 2, Reset: 3, Credit: 4 } as const

/** The payload length that each type must have; `null` for DATA. */
const FIXED_LENGTHS: readonly (number | null | undefined)[] = [undefined, null, 0, 4, 4]

const LONGEST_FIXED_FRAME_BYTES = FRAME_HEADER_BYTES + 4

/** @returns a new header; the caller vouches for the ranges (type u8, id u32, length at most 65,536). */
export function encodeFrameHeader(type: number, streamId: number, payloadLength: number): Buffer {
  const header = Buffer.allocUnsafe(FRAME_HEADER_BYTES)
  header[0] = type
  header[1] = payloadLength >>> 16
  header[2] = payloadLength >>> 8
  header[3] = payloadLength
  header[4] = streamId >>> 24
  header[5] = streamId >>> 16
  header[6] = streamId >>> 8
  header[7] = streamId
  return header
}

/** Splits a byte stream into frames, at whatever boundaries the chunks arrive. */
export class FrameDecoder {
  private readonly onFrame: (type: number, streamId: number, payload: Buffer) => void
  private readonly scratch = Buffer.alloc(LONGEST_FIXED_FRAME_BYTES)
  /** Bytes of a header, or of a short frame with its payload, that are in `scratch`. */
  private scratchBytes = 0
  /** How many bytes `scratch` needs before it means something. */
  private neededBytes = FRAME_HEADER_BYTES
  private streamId = 0
  private dataBytesLeft = 0
  private closed = false

  /**
   * @param onFrame - called for every END, RESET and CREDIT frame, and for every piece of a DATA payload as it arrives;
   *   pieces are slices of the pushed chunks
   */
  constructor(onFrame: (type: number, streamId: number, payload: Buffer) => void) {
    this.onFrame = onFrame
  }

  /** @throws {ProtocolViolation} on an unknown type or a length that the type does not allow; the decoder is then closed. */
  push(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length && !this.closed) {
      if (this.dataBytesLeft > 0) {
        const end = Math.min(at + this.dataBytesLeft, chunk.length)
        const piece = chunk.subarray(at, end)
        this.dataBytesLeft -= end - at
        at = end
        this.onFrame(FrameType.Data, this.streamId, piece)
      } else if (this.scratchBytes === 0 && chunk.length - at >= FRAME_HEADER_BYTES && chunk[at] === FrameType.Data) {
        this.startData(chunk, at)
        at += FRAME_HEADER_BYTES
      } else {
        at += this.fillScratch(chunk, at)
      }
    }
  }

  /** Nothing is delivered any more, not even the rest of the chunk that is being pushed. */
  close(): void {
    this.closed = true
  }

  private fillScratch(chunk: Buffer, at: number): number {
    const copied = chunk.copy(this.scratch, this.scratchBytes, at, at + this.neededBytes - this.scratchBytes)
    this.scratchBytes += copied
    if (this.scratchBytes < this.neededBytes) return copied
    if (this.scratch[0] === FrameType.Data) this.startData(this.scratch, 0)
    else this.finishShortFrame()
    return copied
  }

  private startData(source: Buffer, at: number): void {
    const length = source.readUIntBE(at + 1, 3)
    if (length === 0 || length > MAX_FRAME_PAYLOAD_BYTES) this.fail(`a DATA frame of ${length} bytes`)
    this.streamId = source.readUInt32BE(at + 4)
    this.dataBytesLeft = length
    this.scratchBytes = 0
  }

  private finishShortFrame(): void {
    const type = this.scratch.readUInt8(0)
    if (this.scratchBytes === FRAME_HEADER_BYTES) {
      const length = this.scratch.readUIntBE(1, 3)
      const allowed = FIXED_LENGTHS[type]
      if (allowed === undefined) this.fail(`frame type ${type}`)
      if (length !== allowed) this.fail(`a frame of type ${type} with ${length} bytes`)
      this.neededBytes = FRAME_HEADER_BYTES + length
      if (length > 0) return
    }
    const payload = Buffer.from(this.scratch.subarray(FRAME_HEADER_BYTES, this.neededBytes))
    this.scratchBytes = 0
    this.neededBytes = FRAME_HEADER_BYTES
    this.onFrame(type, this.scratch.readUInt32BE(4), payload)
  }

  private fail(detail: string): never {
    this.closed = true
    throw new ProtocolViolation(detail)
  }
}
