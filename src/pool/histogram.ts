/** A distribution in a fixed number of buckets: its memory does not grow with what is counted. */

/** What a histogram has counted. */
export interface HistogramSnapshot {
  readonly count: number
  readonly sumMs: number
  /** 0 when nothing was counted. */
  readonly maxMs: number
  /** Each bucket counts what is at most `upToMs` and more than the one before; the last has `Infinity`. */
  readonly buckets: readonly { readonly upToMs: number; readonly count: number }[]
}

/** Counts times in milliseconds. */
export class Histogram {
  readonly #boundsMs: readonly number[]
  readonly #counts: number[]
  #count = 0
  #sumMs = 0
  #maxMs = 0

  /** @param boundsMs upper ends of the buckets, ascending; one more takes what is above */
  constructor(boundsMs: readonly number[]) {
    this.#boundsMs = [...boundsMs, Infinity]
    this.#counts = this.#boundsMs.map(() => 0)
  }

  add(valueMs: number): void {
    const bucket = this.#boundsMs.findIndex((bound) => valueMs <= bound)
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1
    this.#count += 1
    this.#sumMs += valueMs
    this.#maxMs = Math.max(this.#maxMs, valueMs)
  }

  snapshot(): HistogramSnapshot {
    const buckets = this.#boundsMs.map((upToMs, index) => ({ upToMs, count: this.#counts[index] ?? 0 }))
    return { count: this.#count, sumMs: this.#sumMs, maxMs: this.#maxMs, buckets }
  }
}
