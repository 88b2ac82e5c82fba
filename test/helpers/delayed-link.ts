/**
 * Two multiplexers over an in-memory pipe each way, driven by hand: bytes move only when the test says so, in pieces of
 * its choice, and a pipe that holds enough says that it is full.
 */
import { Multiplexer, type ProtocolViolation } from '../../src/protocol/index.js'

/** One direction: what was written and not delivered. */
export class DelayedPipe {
  private queued: Buffer[] = []
  private queuedBytes = 0
  private full = false
  private readonly capacityBytes: number

  constructor(capacityBytes: number) {
    this.capacityBytes = capacityBytes
  }

  get size(): number {
    return this.queuedBytes
  }

  /** `true` while the writer waits for `drained`. */
  get isFull(): boolean {
    return this.full
  }

  write(header: Buffer, payload: Buffer = Buffer.alloc(0)): boolean {
    if (this.full) throw new Error('written to while full')
    // Copied: a frame must not change after it was written.
    this.queued.push(Buffer.concat([header, payload]))
    this.queuedBytes += header.length + payload.length
    this.full = this.queuedBytes >= this.capacityBytes
    return !this.full
  }

  /** Takes up to `bytes` bytes out. */
  take(bytes: number): Buffer {
    const taken: Buffer[] = []
    let missing = bytes
    while (missing > 0) {
      const head = this.queued[0]
      if (head === undefined) break
      taken.push(head.subarray(0, missing))
      if (head.length > missing) this.queued[0] = head.subarray(missing)
      else this.queued.shift()
      missing -= Math.min(missing, head.length)
    }
    this.queuedBytes -= bytes - missing
    return Buffer.concat(taken)
  }

  /** @returns `true` when the writer is to be told that there is room. */
  makeRoom(): boolean {
    if (!this.full || this.queuedBytes >= this.capacityBytes) return false
    this.full = false
    return true
  }
}

export interface LinkedSide {
  readonly multiplexer: Multiplexer
  readonly output: DelayedPipe
  readonly control: Buffer[]
  readonly violations: ProtocolViolation[]
}

function openSide(capacityBytes: number): LinkedSide {
  const output = new DelayedPipe(capacityBytes)
  const control: Buffer[] = []
  const violations: ProtocolViolation[] = []
  const multiplexer = new Multiplexer(output, {
    onControl: (chunk) => control.push(chunk),
    onViolation: (violation) => violations.push(violation),
  })
  return { multiplexer, output, control, violations }
}

/** @param capacityBytes - from how many undelivered bytes on a pipe is full */
export function linkedMultiplexers(capacityBytes: number): readonly [LinkedSide, LinkedSide] {
  return [openSide(capacityBytes), openSide(capacityBytes)]
}

/** Moves up to `bytes` bytes from one side to the other, and tells the writer when there is room again. */
export function move(from: LinkedSide, to: LinkedSide, bytes: number): void {
  const chunk = from.output.take(bytes)
  if (chunk.length > 0) to.multiplexer.receive(chunk)
  if (from.output.makeRoom()) from.multiplexer.drained()
}
