/** What is counted under one key. */
export interface TallyRow<T> {
  readonly value: T
  count: number
}

/** Counts equal things, and keeps the first `maxRows` different ones. */
export class Tally<T> {
  /** How many things were of a kind for which there was no row left. */
  hidden = 0
  total = 0
  readonly #rows = new Map<string, TallyRow<T>>()
  readonly #maxRows: number

  constructor(maxRows: number) {
    this.#maxRows = maxRows
  }

  /** @param make - called for the first of its kind only */
  add(key: string, make: () => T): void {
    this.total += 1
    const row = this.#rows.get(key)
    if (row !== undefined) row.count += 1
    else if (this.#rows.size < this.#maxRows) this.#rows.set(key, { value: make(), count: 1 })
    else this.hidden += 1
  }

  /** In the order in which they came first. */
  get rows(): TallyRow<T>[] {
    return [...this.#rows.values()]
  }
}
