/** Verdicts on paths that came before. */
import { ownText } from '../own-text.js'

/** How much is remembered; twice as much for a moment. Guests make up paths, so both are bounded. */
export interface CacheLimits {
  readonly maxEntries: number
  /** UTF-16 units of all keys together. */
  readonly maxTextUnits: number
}

const DEFAULT_LIMITS: CacheLimits = { maxEntries: 8192, maxTextUnits: 1024 * 1024 }

/**
 * Remembers answers in two generations: what is asked for again moves to the young one, and when that is full the old one is
 * forgotten. That keeps what is in use at the price of a plain map.
 */
export class VerdictCache {
  readonly #limits: CacheLimits
  #young = new Map<string, boolean>()
  #old = new Map<string, boolean>()
  #textUnits = 0

  constructor(limits: CacheLimits = DEFAULT_LIMITS) {
    this.#limits = limits
  }

  /** Entries in both generations. */
  get size(): number {
    return this.#young.size + this.#old.size
  }

  /** @returns what `judge` said about this key, now or before */
  get(key: string, judge: (key: string) => boolean): boolean {
    const known = this.#young.get(key)
    if (known !== undefined) return known
    const old = this.#old.get(key)
    const verdict = old ?? judge(key)
    this.#add(ownText(key), verdict)
    return verdict
  }

  #add(key: string, verdict: boolean): void {
    if (this.#young.size >= this.#limits.maxEntries || this.#textUnits + key.length > this.#limits.maxTextUnits) {
      this.#old = this.#young
      this.#young = new Map()
      this.#textUnits = 0
    }
    this.#young.set(key, verdict)
    this.#textUnits += key.length
  }
}
