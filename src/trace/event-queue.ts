/**
 * Hands each event to every reader. A reader has its own bounded queue: one that is slow loses the oldest events and is told
 * how many, and neither holds up the trace nor other readers. Without a reader an event costs nothing and is not kept.
 */
import { Fifo } from '../protocol/fifo.js'
import type { GapEvent, TraceEvent } from './event.js'

/** How much waits for one reader. The event that came last is always kept. */
export interface ReaderOptions {
  /** Events that wait at most. Default 10,000. */
  readonly maxQueued?: number
  /** UTF-16 units of names in the waiting events at most: names can have 4,096 bytes. Default 4 Mi. */
  readonly maxQueuedUnits?: number
}

/** What a reader gets. */
export type ReadEvent = TraceEvent | GapEvent

const DEFAULT_MAX_QUEUED = 10_000
const DEFAULT_MAX_QUEUED_UNITS = 4 * 1024 * 1024

/** Events from one writer to any number of readers. */
export class EventQueue {
  readonly #defaults: ReaderOptions
  readonly #readers = new Set<Reader>()
  #ended: { readonly error: Error | null } | null = null

  /** @param defaults for readers that give none themselves */
  constructor(defaults: ReaderOptions = {}) {
    this.#defaults = defaults
  }

  /** How many readers are open. */
  get readers(): number {
    return this.#readers.size
  }

  /** Gives an event to every open reader. After {@link EventQueue.end} it does nothing. */
  push(event: TraceEvent): void {
    if (this.#readers.size === 0) return
    const units = textUnits(event)
    for (const reader of this.#readers) reader.push(event, units)
  }

  /**
   * No event follows: readers get what waits for them, and then the end.
   * @param error what they get instead of a normal end. The first call counts.
   */
  end(error: Error | null = null): void {
    if (this.#ended !== null) return
    this.#ended = { error }
    for (const reader of this.#readers) reader.end(error)
    this.#readers.clear()
  }

  /**
   * A reader of what is pushed from now on. It ends with the queue, and is freed by `return()` or by leaving a `for await`.
   * After the end of the queue a reader ends at once.
   */
  open(options: ReaderOptions = {}): AsyncIterableIterator<ReadEvent> {
    const { maxQueued = DEFAULT_MAX_QUEUED, maxQueuedUnits = DEFAULT_MAX_QUEUED_UNITS } = {
      ...this.#defaults,
      ...options,
    }
    const reader = new Reader(maxQueued, maxQueuedUnits, () => this.#readers.delete(reader))
    if (this.#ended === null) this.#readers.add(reader)
    else reader.end(this.#ended.error)
    return reader
  }
}

interface Waiting {
  readonly resolve: (result: IteratorResult<ReadEvent>) => void
  readonly reject: (error: Error) => void
}

class Reader implements AsyncIterableIterator<ReadEvent, undefined> {
  readonly #events = new Fifo<{ readonly event: TraceEvent; readonly units: number }>()
  readonly #waiting = new Fifo<Waiting>()
  readonly #maxQueued: number
  readonly #maxUnits: number
  readonly #leave: () => void
  #units = 0
  #dropped = 0
  #ended = false
  #error: Error | null = null

  constructor(maxQueued: number, maxUnits: number, leave: () => void) {
    this.#maxQueued = maxQueued
    this.#maxUnits = maxUnits
    this.#leave = leave
  }

  push(event: TraceEvent, units: number): void {
    // Somebody waits only when nothing is queued.
    const waiting = this.#waiting.shift()
    if (waiting !== undefined) return waiting.resolve({ done: false, value: event })
    this.#events.push({ event, units })
    this.#units += units
    while (this.#events.size > 1 && (this.#events.size > this.#maxQueued || this.#units > this.#maxUnits)) {
      this.#units -= this.#events.shift()?.units ?? 0
      this.#dropped += 1
    }
  }

  end(error: Error | null): void {
    this.#ended = true
    this.#error = error
    for (let waiting = this.#waiting.shift(); waiting !== undefined; waiting = this.#waiting.shift()) {
      const last = this.#takeError()
      if (last === null) waiting.resolve({ done: true, value: undefined })
      else waiting.reject(last)
    }
  }

  next(): Promise<IteratorResult<ReadEvent, undefined>> {
    const dropped = this.#dropped
    if (dropped > 0) {
      // The oldest were dropped, so the gap lies before all that waits.
      this.#dropped = 0
      return Promise.resolve({ done: false, value: { kind: 'gap', dropped } })
    }
    const queued = this.#events.shift()
    if (queued !== undefined) {
      this.#units -= queued.units
      return Promise.resolve({ done: false, value: queued.event })
    }
    if (!this.#ended) return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
    const error = this.#takeError()
    return error === null ? Promise.resolve({ done: true, value: undefined }) : Promise.reject(error)
  }

  return(): Promise<IteratorResult<ReadEvent, undefined>> {
    this.#leave()
    this.#events.clear()
    this.#units = 0
    this.#dropped = 0
    this.end(null)
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** An iterator throws once and is then done. */
  #takeError(): Error | null {
    const error = this.#error
    this.#error = null
    return error
  }
}

/** What an event's own names weigh; command lines are shared by the events of a process. */
function textUnits(event: TraceEvent): number {
  if (event.kind === 'access') return event.file.length + (event.path?.length ?? 0)
  return event.kind === 'unknown' ? event.text.length : 0
}
