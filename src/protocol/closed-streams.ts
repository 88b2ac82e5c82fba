import { MAX_CLOSED_STREAMS } from './limits.js'

/** What may still come in for one closed stream. */
interface Remains {
  /** Data that the other side had credit for when we reset; `null`: no data may come. */
  data: number | null
  /** Credit that the other side may still return for what we sent; `null`: none may come. */
  credit: number | null
}

/**
 * Remembers closed streams, because frames for them may be on their way: data for a stream that we reset, credit and a
 * reset for one that we ended. Each is allowed as far as an honest peer could have sent it, and no further.
 *
 * Bounded: beyond {@link MAX_CLOSED_STREAMS} the oldest is forgotten, and late frames for it and every lower id are
 * dropped unchecked. Ids are never reused, so a dropped frame can reach nobody.
 */
export class ClosedStreams {
  private readonly streams = new Map<number, Remains>()
  private forgottenId = 1

  /** A stream that we reset in every direction that was open. */
  addReset(id: number, windowBytes: number | null, outstandingBytes: number | null): void {
    const credit = outstandingBytes ?? this.streams.get(id)?.credit ?? null
    this.add(id, { data: windowBytes, credit })
  }

  /** A stream that we sent END on. */
  addEnded(id: number, outstandingBytes: number): void {
    this.add(id, { data: null, credit: outstandingBytes })
  }

  /** @returns `true` when the id is remembered, so that it may not be opened again. */
  has(id: number): boolean {
    return this.streams.has(id)
  }

  /** @returns `false` when no honest peer sends this; so do the three below. */
  lateData(id: number, bytes: number): boolean {
    const remains = this.streams.get(id)
    if (remains === undefined) return this.isForgotten(id)
    if (remains.data === null || remains.data < bytes) return false
    remains.data -= bytes
    return true
  }

  lateEnd(id: number): boolean {
    const remains = this.streams.get(id)
    if (remains === undefined) return this.isForgotten(id)
    if (remains.data === null) return false
    remains.data = null
    // END is the last that a sender says; only a stream of both directions can still answer our reset.
    if (remains.credit === null) this.streams.delete(id)
    return true
  }

  lateReset(id: number): boolean {
    if (!this.streams.has(id)) return this.isForgotten(id)
    return this.streams.delete(id)
  }

  lateCredit(id: number, bytes: number): boolean {
    const remains = this.streams.get(id)
    if (remains === undefined) return this.isForgotten(id)
    if (remains.credit === null || bytes === 0 || remains.credit < bytes) return false
    remains.credit -= bytes
    return true
  }

  /** The other side closed it too: nothing more can come. */
  forget(id: number): void {
    this.streams.delete(id)
  }

  clear(): void {
    this.streams.clear()
  }

  private isForgotten(id: number): boolean {
    return id > 1 && id <= this.forgottenId
  }

  private add(id: number, remains: Remains): void {
    this.streams.set(id, remains)
    if (this.streams.size <= MAX_CLOSED_STREAMS) return
    for (const oldest of this.streams.keys()) {
      this.streams.delete(oldest)
      this.forgottenId = Math.max(this.forgottenId, oldest)
      return
    }
  }
}
