/** How much one table of names keeps, however many names a guest makes up. */
export interface TableLimits {
  readonly maxEntries: number
  /** UTF-16 units of all keys together. */
  readonly maxTextUnits: number
}

/** What a list of a summary keeps: enough for a large build, little enough that ten full lists of it are no burden. */
export const DEFAULT_TABLE_LIMITS: TableLimits = { maxEntries: 20_000, maxTextUnits: 2 * 1024 * 1024 }

/** A map by text that stops to grow at its limits, and counts exactly how often it was asked for more. */
export class BoundedTable<T> {
  readonly #entries = new Map<string, T>()
  readonly #limits: TableLimits
  #textUnits = 0
  #omitted = 0

  constructor(limits: TableLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#entries.size
  }

  /** How many times something found no room. */
  get omitted(): number {
    return this.#omitted
  }

  get(key: string): T | undefined {
    return this.#entries.get(key)
  }

  /**
   * Adds what is not there yet.
   * @param extraUnits text that the value keeps besides the key. Default 0.
   * @returns `false` when there is no room; that is counted.
   */
  add(key: string, value: T, extraUnits = 0): boolean {
    const units = key.length + extraUnits
    if (this.#entries.size >= this.#limits.maxEntries || this.#textUnits + units > this.#limits.maxTextUnits) {
      this.#omitted += 1
      return false
    }
    this.#textUnits += units
    this.#entries.set(key, value)
    return true
  }

  /** Takes an entry out. `extraUnits` as it was added. */
  take(key: string, extraUnits = 0): T | undefined {
    const value = this.#entries.get(key)
    if (this.#entries.delete(key)) this.#textUnits -= key.length + extraUnits
    return value
  }

  entries(): IterableIterator<[string, T]> {
    return this.#entries.entries()
  }
}
