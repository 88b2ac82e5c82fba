/** How often each call was made. */

/** A guest can invent call numbers; Linux has about 400 calls, and strace names for three architectures. */
const MAX_NAMES = 2_000
const OTHERS = 'other'

/** Counts by name, of bounded size. */
export class CallCounts {
  readonly #counts = new Map<string, number>()

  /** What was counted; what exceeds the bound goes by the name `other`. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts
  }

  add(name: string): void {
    const count = this.#counts.get(name)
    if (count !== undefined) this.#counts.set(name, count + 1)
    else if (this.#counts.size < MAX_NAMES) this.#counts.set(name, 1)
    else this.#counts.set(OTHERS, (this.#counts.get(OTHERS) ?? 0) + 1)
  }
}
