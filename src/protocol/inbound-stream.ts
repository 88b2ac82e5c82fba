import { Buffer } from 'node:buffer'
import { callHandler } from './call-handler.js'
import { GATHER_BYTES, SMALL_PIECE_BYTES, WINDOW_BYTES } from './limits.js'
import type { ReceiverHandlers, StreamReceiver } from './streams.js'
import { ProtocolViolation } from './violation.js'

/** What an inbound stream needs from its multiplexer. */
export interface InboundLink {
  creditDue(stream: InboundStream): void
  resetByUs(id: number, code: number): void
  /** Runs a task in a microtask, with the care that a frame gets. */
  later(task: () => void): void
}

/**
 * The receiving end: accounts for the window, knows nothing of frames.
 *
 * The window bounds bytes, not objects: a peer that sends it as a million frames of one byte would make a consumer that
 * is behind hold a million buffers. So small pieces are put together while the consumer is GATHER_BYTES behind, and
 * handed on when that many are together, when the consumer has caught up, or at the end.
 */
export class InboundStream implements StreamReceiver {
  readonly id: number
  readonly handlers: ReceiverHandlers
  /** What the other side may still send. */
  windowBytes = WINDOW_BYTES
  closed = false
  private readonly link: InboundLink
  /** Delivered and not consumed. */
  private unconsumedBytes = 0
  private returnableBytes = 0
  private gathered: Buffer | undefined
  private gatheredBytes = 0

  constructor(id: number, handlers: ReceiverHandlers, link: InboundLink) {
    this.id = id
    this.handlers = handlers
    this.link = link
  }

  /** @throws {ProtocolViolation} when the sender has no credit for it */
  receive(chunk: Buffer): void {
    if (chunk.length > this.windowBytes) throw new ProtocolViolation(`stream ${this.id} sent more than its credit`)
    this.windowBytes -= chunk.length
    if (chunk.length < SMALL_PIECE_BYTES && this.unconsumedBytes >= GATHER_BYTES) return this.gather(chunk)
    this.flush()
    this.deliver(chunk)
  }

  /** All data was received. */
  end(): void {
    this.close()
    callHandler(() => this.handlers.onEnd())
  }

  consumed(bytes: number): void {
    if (!Number.isInteger(bytes) || bytes < 0 || bytes > this.unconsumedBytes) {
      throw new RangeError(`consumed ${bytes} bytes of stream ${this.id}, which has delivered ${this.unconsumedBytes}`)
    }
    this.unconsumedBytes -= bytes
    this.returnableBytes += bytes
    if (this.closed) return
    if (this.returnableBytes >= WINDOW_BYTES / 2) this.link.creditDue(this)
    // Later, so that no handler is called from within what its consumer does.
    if (this.gatheredBytes > 0 && this.unconsumedBytes < GATHER_BYTES) this.link.later(() => this.flush())
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

  /** Releases what is gathered; no handler is called any more. */
  close(): void {
    this.closed = true
    this.gathered = undefined
    this.gatheredBytes = 0
  }

  /** Delivers what is gathered. */
  flush(): void {
    if (this.gathered === undefined) return
    const chunk = this.gathered.subarray(0, this.gatheredBytes)
    this.gathered = undefined
    this.gatheredBytes = 0
    this.deliver(chunk)
  }

  private deliver(chunk: Buffer): void {
    if (this.closed) return
    this.unconsumedBytes += chunk.length
    callHandler(() => this.handlers.onData(chunk))
  }

  private gather(chunk: Buffer): void {
    if (this.gatheredBytes + chunk.length > GATHER_BYTES) this.flush()
    this.gathered ??= Buffer.allocUnsafeSlow(GATHER_BYTES)
    this.gatheredBytes += chunk.copy(this.gathered, this.gatheredBytes)
  }
}
