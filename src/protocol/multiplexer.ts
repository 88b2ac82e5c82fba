/**
 * Many streams over one transport, with credit per stream.
 *
 * Theory of operation. Stream 0 carries control messages, has no credit and goes before all data. Every other stream
 * has a window: its sender stops after WINDOW_BYTES until the receiver returns credit, so a flood on one stream delays
 * no other and makes memory grow nowhere. Senders with data and credit take turns, one frame each, and only while the
 * transport takes more. RESET concerns a stream id in whatever directions it is open, and is answered with RESET
 * unless the other side was done with it; until then frames for it may be on their way and are dropped.
 *
 * Everything that comes in is hostile: the first frame that no honest peer sends ends the multiplexer.
 */
import type { Buffer } from 'node:buffer'
import { CapacityError, InvalidStateError } from '../errors.js'
import { callHandler } from './call-handler.js'
import { ClosedStreams } from './closed-streams.js'
import { FrameDecoder, FrameType } from './frame.js'
import { InboundStream } from './inbound-stream.js'
import { MAX_STREAMS } from './limits.js'
import { OutboundStream } from './outbound-stream.js'
import { OutgoingFrames, type Transport } from './outgoing-frames.js'
import type { ReceiverHandlers, SenderHandlers, StreamReceiver, StreamSender } from './streams.js'
import { ProtocolViolation } from './violation.js'

export type { ReceiverHandlers, SenderHandlers, StreamReceiver, StreamSender, Transport }

/** The control stream: JSON-RPC of the host and the shovel. */
export const CONTROL_STREAM = 0

/** The program's stream, of both directions: JSON-RPC of the host and the program. */
export const PROGRAM_STREAM = 1

/** The lowest id for streams of one direction. */
export const FIRST_STREAM = 2

const MAX_STREAM_ID = 0xffff_ffff

/** What a {@link Multiplexer} calls and how much it allows. */
export interface MultiplexerOptions {
  /** Bytes of the control stream as they arrive, for a `MessageDecoder`. */
  readonly onControl: (chunk: Buffer) => void
  /** Called once; the multiplexer is destroyed already. */
  readonly onViolation: (violation: ProtocolViolation) => void
  /** Streams open at the same time, directions counted apart. Default 1,024. */
  readonly maxStreams?: number
}

/** One end of the channel. */
export class Multiplexer {
  private readonly options: MultiplexerOptions
  private readonly maxStreams: number
  private readonly decoder: FrameDecoder
  private readonly outgoing: OutgoingFrames
  private readonly receivers = new Map<number, InboundStream>()
  private readonly senders = new Map<number, OutboundStream>()
  private readonly closed = new ClosedStreams()
  private destroyed = false

  constructor(transport: Transport, options: MultiplexerOptions) {
    this.options = options
    this.maxStreams = options.maxStreams ?? MAX_STREAMS
    this.decoder = new FrameDecoder((type, id, payload) => this.dispatch(type, id, payload))
    this.outgoing = new OutgoingFrames(transport, (stream) => this.ended(stream))
  }

  /** Streams that are open, directions counted apart. */
  get openStreams(): number {
    return this.receivers.size + this.senders.size
  }

  /** Bytes of control messages that the transport has not taken: grows when the other side does not read. */
  get queuedControlBytes(): number {
    return this.outgoing.queuedControlBytes
  }

  /**
   * Bytes from the transport. Handlers run before this returns; it must not be called from within itself. Ignored after
   * `destroy` and after a violation.
   */
  receive(chunk: Buffer): void {
    this.handle(() => this.decoder.push(chunk))
  }

  /** The transport takes more, after its `write` returned `false`. */
  drained(): void {
    this.outgoing.drained()
  }

  /** Sends a message of `encodeMessage` before all data that is queued. Ignored after `destroy`. */
  sendControl(message: Buffer): void {
    this.outgoing.control(CONTROL_STREAM, message)
  }

  /**
   * Opens the receiving end. The side that learns of a stream from a control request opens its ends while it handles
   * that request: data may be in the next frame.
   *
   * @param id - 1 to 2³²−1, never used before in this direction
   * @throws {CapacityError} when too many streams are open
   * @throws {InvalidStateError} after `destroy`
   * @throws {RangeError} when the id is out of range or was used
   */
  openReceiver(id: number, handlers: ReceiverHandlers): StreamReceiver {
    this.assertCanOpen(id, this.receivers)
    const stream = new InboundStream(id, handlers, {
      creditDue: (due) => this.outgoing.credit(due),
      resetByUs: (reset, code) => this.resetByUs(reset, code),
      later: (task) => queueMicrotask(() => this.handle(task)),
    })
    this.receivers.set(id, stream)
    return stream
  }

  /** Opens the sending end; otherwise as {@link openReceiver}. */
  openSender(id: number, handlers: SenderHandlers): StreamSender {
    this.assertCanOpen(id, this.senders)
    const stream = new OutboundStream(id, handlers, {
      sendable: (ready) => this.outgoing.schedule(ready),
      resetByUs: (reset, code) => this.resetByUs(reset, code),
    })
    this.senders.set(id, stream)
    return stream
  }

  /** Releases everything that is queued and every stream. Calls no handler: who destroys knows why. Idempotent. */
  destroy(): void {
    this.destroyed = true
    this.decoder.close()
    this.outgoing.destroy()
    for (const stream of this.receivers.values()) stream.close()
    for (const stream of this.senders.values()) stream.close()
    this.receivers.clear()
    this.senders.clear()
    this.closed.clear()
  }

  /** Runs what handles data of the other side; a violation in it ends everything. */
  private handle(task: () => void): void {
    if (this.destroyed) return
    try {
      task()
    } catch (error) {
      if (!(error instanceof ProtocolViolation)) throw error
      if (this.destroyed) return
      this.destroy()
      this.options.onViolation(error)
    }
  }

  private assertCanOpen(id: number, open: ReadonlyMap<number, unknown>): void {
    if (this.destroyed) throw new InvalidStateError(`cannot open stream ${id}: the channel is closed`)
    if (!Number.isInteger(id) || id < PROGRAM_STREAM || id > MAX_STREAM_ID) {
      throw new RangeError(`a stream id is an integer from 1 to ${MAX_STREAM_ID}, got ${id}`)
    }
    if (open.has(id) || this.closed.has(id)) throw new RangeError(`stream ${id} was used before`)
    if (this.openStreams >= this.maxStreams) {
      throw new CapacityError(`${this.maxStreams} streams are open, no more are allowed; close some first`, {
        details: { maxStreams: this.maxStreams },
      })
    }
  }

  private dispatch(type: number, id: number, payload: Buffer): void {
    if (id === CONTROL_STREAM) {
      if (type !== FrameType.Data) throw new ProtocolViolation(`a frame of type ${type} on the control stream`)
      this.options.onControl(payload)
    } else if (type === FrameType.Data) this.receiveData(id, payload)
    else if (type === FrameType.End) this.receiveEnd(id)
    else if (type === FrameType.Reset) this.receiveReset(id, payload.readUInt32BE(0))
    else this.receiveCredit(id, payload.readUInt32BE(0))
  }

  private receiveData(id: number, chunk: Buffer): void {
    const stream = this.receivers.get(id)
    if (stream === undefined) return assertLate(this.closed.lateData(id, chunk.length), 'data', id)
    stream.receive(chunk)
  }

  private receiveEnd(id: number): void {
    const stream = this.receivers.get(id)
    stream?.flush()
    if (stream === undefined || stream.closed) return assertLate(this.closed.lateEnd(id), 'END', id)
    this.receivers.delete(id)
    stream.end()
  }

  private receiveReset(id: number, code: number): void {
    this.receivers.get(id)?.flush()
    const receiver = this.receivers.get(id)
    const sender = this.senders.get(id)
    if (receiver === undefined && sender === undefined) return assertLate(this.closed.lateReset(id), 'a RESET', id)
    this.closeBoth(id)
    this.closed.forget(id)
    this.outgoing.reset(id, code)
    if (receiver !== undefined) callHandler(() => receiver.handlers.onReset(code))
    if (sender !== undefined) callHandler(() => sender.handlers.onReset(code))
  }

  private receiveCredit(id: number, bytes: number): void {
    const stream = this.senders.get(id)
    if (stream === undefined) return assertLate(this.closed.lateCredit(id, bytes), 'credit', id)
    stream.addCredit(bytes)
    this.outgoing.schedule(stream)
  }

  /** Sent END: credit for the last window may still come. */
  private ended(stream: OutboundStream): void {
    this.senders.delete(stream.id)
    stream.close()
    this.closed.addEnded(stream.id, stream.outstandingBytes)
  }

  private resetByUs(id: number, code: number): void {
    const receiver = this.receivers.get(id)
    const sender = this.senders.get(id)
    this.closed.addReset(id, receiver?.windowBytes ?? null, sender?.outstandingBytes ?? null)
    this.closeBoth(id)
    this.outgoing.reset(id, code)
  }

  private closeBoth(id: number): void {
    this.receivers.get(id)?.close()
    this.senders.get(id)?.close()
    this.receivers.delete(id)
    this.senders.delete(id)
  }
}

function assertLate(allowed: boolean, what: string, id: number): void {
  if (!allowed) throw new ProtocolViolation(`${what} for stream ${id}, which is not open`)
}
