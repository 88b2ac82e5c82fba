import type { Buffer } from 'node:buffer'
import { Fifo } from './fifo.js'
import { MAX_FRAME_PAYLOAD_BYTES, WINDOW_BYTES } from './limits.js'
import type { SenderHandlers, StreamSender } from './streams.js'
import { ProtocolViolation } from './violation.js'

/** What an outbound stream needs from its multiplexer. */
export interface OutboundLink {
  sendable(stream: OutboundStream): void
  resetByUs(id: number, code: number): void
}

/** The sending end: a queue and the credit for it, knows nothing of frames. */
export class OutboundStream implements StreamSender {
  readonly id: number
  readonly handlers: SenderHandlers
  queuedBytes = 0
  closed = false
  ending = false
  /** In the multiplexer's round; kept here so that the round holds each stream once. */
  scheduled = false
  private readonly link: OutboundLink
  private readonly chunks = new Fifo<Buffer>()
  private headOffset = 0
  private creditBytes = WINDOW_BYTES
  private writerWaits = false

  constructor(id: number, handlers: SenderHandlers, link: OutboundLink) {
    this.id = id
    this.handlers = handlers
    this.link = link
  }

  /** Bytes sent that the receiver has not returned as credit. */
  get outstandingBytes(): number {
    return WINDOW_BYTES - this.creditBytes
  }

  /** A frame of this stream can be sent: data with credit, or END after all data. */
  get isSendable(): boolean {
    if (this.closed) return false
    return this.queuedBytes > 0 ? this.creditBytes > 0 : this.ending
  }

  write(chunk: Buffer): boolean {
    if (this.closed || this.ending) return false
    if (chunk.length > 0) {
      this.chunks.push(chunk)
      this.queuedBytes += chunk.length
      if (this.isSendable) this.link.sendable(this)
    }
    this.writerWaits = this.queuedBytes >= WINDOW_BYTES
    return !this.writerWaits && !this.closed
  }

  end(): void {
    if (this.closed || this.ending) return
    this.ending = true
    if (this.isSendable) this.link.sendable(this)
  }

  reset(code: number): void {
    if (!this.closed) this.link.resetByUs(this.id, code)
  }

  /** @throws {ProtocolViolation} when nothing is returned, or more than was sent */
  addCredit(bytes: number): void {
    if (bytes === 0 || bytes > this.outstandingBytes) {
      throw new ProtocolViolation(
        `stream ${this.id} got credit of ${bytes} bytes for ${this.outstandingBytes} that were sent`,
      )
    }
    this.creditBytes += bytes
  }

  /** Takes the next payload of at most one frame. Call only when data is queued and there is credit. */
  takePayload(): Buffer {
    const head = this.chunks.peek()
    if (head === undefined) throw new Error(`stream ${this.id} has nothing queued`)
    const length = Math.min(head.length - this.headOffset, MAX_FRAME_PAYLOAD_BYTES, this.creditBytes)
    const payload = head.subarray(this.headOffset, this.headOffset + length)
    this.headOffset += length
    if (this.headOffset === head.length) {
      this.chunks.shift()
      this.headOffset = 0
    }
    this.queuedBytes -= length
    this.creditBytes -= length
    return payload
  }

  /** @returns `true` once after the queue fell below half a window and the writer was told to wait. */
  takeWritable(): boolean {
    if (!this.writerWaits || this.closed || this.queuedBytes >= WINDOW_BYTES / 2) return false
    this.writerWaits = false
    return true
  }

  /** Releases everything that is queued. */
  close(): void {
    this.closed = true
    this.chunks.clear()
    this.queuedBytes = 0
  }
}
