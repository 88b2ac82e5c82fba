import type { Buffer } from 'node:buffer'
import { WINDOW_BYTES } from './limits.js'
import type { ReceiverHandlers, StreamReceiver } from './streams.js'
import { ProtocolViolation } from './violation.js'

/** What an inbound stream needs from its multiplexer. */
export interface InboundLink {
  creditDue(stream: InboundStream): void
  resetByUs(id: number, code: number): void
}

/** The receiving end: accounts for the window, knows nothing of frames. */
export class InboundStream implements StreamReceiver {
  readonly id: number
  readonly handlers: ReceiverHandlers
  /** What the other side may still send. */
  windowBytes = WINDOW_BYTES
  closed = false
  private readonly link: InboundLink
  private unconsumedBytes = 0
  private returnableBytes = 0

  constructor(id: number, handlers: ReceiverHandlers, link: InboundLink) {
    this.id = id
    this.handlers = handlers
    this.link = link
  }

  /** @throws {ProtocolViolation} when the sender has no credit for it */
  accept(chunk: Buffer): void {
    if (chunk.length > this.windowBytes) throw new ProtocolViolation(`stream ${this.id} sent more than its credit`)
    this.windowBytes -= chunk.length
    this.unconsumedBytes += chunk.length
  }

  consumed(bytes: number): void {
    if (!Number.isInteger(bytes) || bytes < 0 || bytes > this.unconsumedBytes) {
      throw new RangeError(`consumed ${bytes} bytes of stream ${this.id}, which has delivered ${this.unconsumedBytes}`)
    }
    this.unconsumedBytes -= bytes
    this.returnableBytes += bytes
    if (!this.closed && this.returnableBytes >= WINDOW_BYTES / 2) this.link.creditDue(this)
  }

  /** @returns the credit to send now, and opens the window by it. */
  takeCredit(): number {
    const bytes = this.returnableBytes
    this.returnableBytes = 0
    this.windowBytes += bytes
    return bytes
  }

  reset(code: number): void {
    if (!this.closed) this.link.resetByUs(this.id, code)
  }
}
