import { Buffer } from 'node:buffer'
import type { Transport } from './outgoing-frames.js'

/** Where gathered frames go: the part of a Node stream that is needed. */
export interface ByteSink {
  /** @returns `false` when full; a drain is then told to {@link GatheringTransport.drained}. */
  write(chunk: Buffer): boolean
  cork(): void
  uncork(): void
}

/** Up to this many bytes are copied into one buffer: cheaper than the bookkeeping of a write with several. */
const COPY_BYTES = 16_384

/** So much is gathered at most before it is handed on within the turn. */
const GATHER_BYTES = 131_072

/**
 * Hands on what is written in one turn of the event loop as one write, so that an answer is one system call, and many
 * answers of one turn are one too. Large payloads are not copied.
 */
export class GatheringTransport implements Transport {
  private readonly sink: ByteSink
  private pieces: Buffer[] = []
  private bytes = 0
  private full = false

  constructor(sink: ByteSink) {
    this.sink = sink
  }

  write(header: Buffer, payload?: Buffer): boolean {
    if (this.pieces.length === 0) queueMicrotask(this.flush)
    this.pieces.push(header)
    this.bytes += header.length
    if (payload !== undefined) {
      this.pieces.push(payload)
      this.bytes += payload.length
    }
    if (this.bytes >= GATHER_BYTES) this.flush()
    return !this.full
  }

  /** The sink takes more again. */
  drained(): void {
    this.full = false
  }

  private readonly flush = (): void => {
    const { pieces, bytes } = this
    if (pieces.length === 0) return
    this.pieces = []
    this.bytes = 0
    if (bytes <= COPY_BYTES) {
      if (!this.sink.write(Buffer.concat(pieces, bytes))) this.full = true
      return
    }
    this.sink.cork()
    for (const piece of pieces) if (!this.sink.write(piece)) this.full = true
    this.sink.uncork()
  }
}
