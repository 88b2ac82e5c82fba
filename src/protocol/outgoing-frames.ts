import { Buffer } from 'node:buffer'
import { callHandler } from './call-handler.js'
import { Fifo } from './fifo.js'
import { encodeFrameHeader, FrameType } from './frame.js'
import type { InboundStream } from './inbound-stream.js'
import { FRAME_HEADER_BYTES, MAX_FRAME_PAYLOAD_BYTES } from './limits.js'
import type { OutboundStream } from './outbound-stream.js'

/** Where frames go. */
export interface Transport {
  /**
   * Takes one frame, always: header and payload belong together, and both are the transport's from now on. Corking a
   * socket around the two writes makes them one system call.
   * @returns `false` when it is full: nothing more is written until `Multiplexer.drained()` is called
   */
  write(header: Buffer, payload?: Buffer): boolean
}

interface UrgentFrame {
  readonly header: Buffer
  readonly payload: Buffer
}

function encodeNumberFrame(type: number, streamId: number, value: number): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + 4)
  encodeFrameHeader(type, streamId, 4).copy(frame)
  frame.writeUInt32BE(value, FRAME_HEADER_BYTES)
  return frame
}

const NOTHING = Buffer.alloc(0)

/**
 * Decides which frame is next: control messages and RESET in the order they were made, then credit, then data and END
 * of the streams in turn. A stream's RESET never overtakes the control message that announced the stream.
 */
export class OutgoingFrames {
  /** Bytes of control frames that the transport has not taken, headers included. */
  queuedControlBytes = 0
  private readonly transport: Transport
  private readonly onEnded: (stream: OutboundStream) => void
  private readonly urgent = new Fifo<UrgentFrame>()
  private readonly creditDue = new Set<InboundStream>()
  private readonly round = new Fifo<OutboundStream>()
  private full = false
  private drains = 0
  private flushing = false
  private destroyed = false

  /** @param onEnded - called before END of a stream is written */
  constructor(transport: Transport, onEnded: (stream: OutboundStream) => void) {
    this.transport = transport
    this.onEnded = onEnded
  }

  control(streamId: number, message: Buffer): void {
    for (let at = 0; at < message.length; at += MAX_FRAME_PAYLOAD_BYTES) {
      const payload = message.subarray(at, at + MAX_FRAME_PAYLOAD_BYTES)
      this.pushUrgent({ header: encodeFrameHeader(FrameType.Data, streamId, payload.length), payload })
    }
    this.flush()
  }

  reset(streamId: number, code: number): void {
    this.pushUrgent({ header: encodeNumberFrame(FrameType.Reset, streamId, code), payload: NOTHING })
    this.flush()
  }

  credit(stream: InboundStream): void {
    this.creditDue.add(stream)
    this.flush()
  }

  schedule(stream: OutboundStream): void {
    if (stream.scheduled || !stream.isSendable) return
    stream.scheduled = true
    this.round.push(stream)
    this.flush()
  }

  drained(): void {
    this.drains += 1
    this.full = false
    this.flush()
  }

  destroy(): void {
    this.destroyed = true
    this.urgent.clear()
    this.creditDue.clear()
    this.round.clear()
    this.queuedControlBytes = 0
  }

  private pushUrgent(frame: UrgentFrame): void {
    if (this.destroyed) return
    this.queuedControlBytes += frame.header.length + frame.payload.length
    this.urgent.push(frame)
  }

  /** Not re-entrant: what handlers and the transport queue while it runs is sent by the loop that is running. */
  private flush(): void {
    if (this.flushing) return
    this.flushing = true
    try {
      while (!this.full && !this.destroyed && (this.sendUrgent() || this.sendCredit() || this.sendData()));
    } finally {
      this.flushing = false
    }
  }

  private write(header: Buffer, payload?: Buffer): void {
    const drains = this.drains
    // A transport that drains while it writes has room again, whatever this write returns.
    if (!this.transport.write(header, payload) && drains === this.drains) this.full = true
  }

  private sendUrgent(): boolean {
    const frame = this.urgent.shift()
    if (frame === undefined) return false
    this.queuedControlBytes -= frame.header.length + frame.payload.length
    this.write(frame.header, frame.payload.length > 0 ? frame.payload : undefined)
    return true
  }

  private sendCredit(): boolean {
    for (const stream of this.creditDue) {
      this.creditDue.delete(stream)
      if (stream.closed) continue
      this.write(encodeNumberFrame(FrameType.Credit, stream.id, stream.takeCredit()))
      return true
    }
    return false
  }

  private sendData(): boolean {
    const stream = this.round.shift()
    if (stream === undefined) return false
    stream.scheduled = false
    if (!stream.isSendable) return true
    if (stream.queuedBytes === 0) {
      this.onEnded(stream)
      this.write(encodeFrameHeader(FrameType.End, stream.id, 0))
      return true
    }
    const payload = stream.takePayload()
    if (stream.isSendable) {
      stream.scheduled = true
      this.round.push(stream)
    }
    this.write(encodeFrameHeader(FrameType.Data, stream.id, payload.length), payload)
    if (stream.takeWritable()) callHandler(() => stream.handlers.onWritable())
    return true
  }
}
