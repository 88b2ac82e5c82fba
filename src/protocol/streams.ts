/** What the two ends of a stream look like to those who use a multiplexer. */
import type { Buffer } from 'node:buffer'

/** Called while the multiplexer receives. What they throw does not break the channel; it surfaces as uncaught. */
export interface ReceiverHandlers {
  /** A piece of data, a slice of what arrived. It counts against the window until `consumed` is called for it. */
  onData(chunk: Buffer): void
  /** All data was delivered; called once, and nothing after it. */
  onEnd(): void
  /** The other side gave the stream up; called once, and nothing after it. */
  onReset(code: number): void
}

/** The receiving end of one stream. */
export interface StreamReceiver {
  readonly id: number
  /**
   * Gives bytes that were delivered back to the sender as credit. Returned in steps of half a window.
   * @throws {RangeError} when more is consumed than was delivered
   */
  consumed(bytes: number): void
  /** Gives the stream up: the sender is told, what is still on its way is dropped. No handler is called. Idempotent. */
  reset(code: number): void
}

/** Called while the multiplexer receives or its transport drains. */
export interface SenderHandlers {
  /** The queue is below half a window again, after `write` returned `false`. */
  onWritable(): void
  /** The receiver gave the stream up; called once. What was queued is dropped, further writes are ignored. */
  onReset(code: number): void
}

/** The sending end of one stream. */
export interface StreamSender {
  readonly id: number
  /** Bytes written that have not been handed to the transport. */
  readonly queuedBytes: number
  /**
   * Queues a chunk without copying it: the caller must not change it any more. After `end` or a reset it is ignored.
   * @returns `false` when a window or more is queued: wait for `onWritable`. Also `false` when the stream is closed.
   */
  write(chunk: Buffer): boolean
  /** Sends END after everything that is queued. Idempotent. */
  end(): void
  /** Drops what is queued and tells the receiver. No handler is called. No effect after END was sent. Idempotent. */
  reset(code: number): void
}
