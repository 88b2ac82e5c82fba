/** The lists of a summary: each bounded, each sorted when it is asked for. */
import { BoundedTable, type TableLimits } from './bounded-table.js'
import { ownText } from './own-text.js'

/** A name, how often a call on it succeeded, and how often it failed besides, by errno. */
export interface NameUse {
  readonly path: string
  readonly count: number
  readonly errors: Readonly<Record<string, number>>
}

/** Distinct words of one counter; the names of calls are fewer than 500. */
const MAX_WORDS = 1_000

/** Counts by a word of strace: names of calls, errnos. A guest can make calls of any number, so it is bounded. */
export class WordCounts {
  readonly #counts = new Map<string, number>()

  add(word: string): void {
    const count = this.#counts.get(word)
    if (count !== undefined) this.#counts.set(word, count + 1)
    else if (this.#counts.size < MAX_WORDS) this.#counts.set(ownText(word), 1)
    else this.#counts.set('other', (this.#counts.get('other') ?? 0) + 1)
  }

  toRecord(): Record<string, number> {
    return Object.fromEntries([...this.#counts].sort(([left], [right]) => compareText(left, right)))
  }
}

interface Use {
  count: number
  errors: WordCounts | null
}

/**
 * Names on which a call succeeded. Those on which it only failed are kept apart with limits of their own, so that probing for
 * names takes no room from what was really used.
 */
export class UseList {
  readonly #used: BoundedTable<Use>
  readonly #failed: BoundedTable<WordCounts>

  constructor(limits: TableLimits) {
    this.#used = new BoundedTable(limits)
    const quarter = (limit: number) => Math.ceil(limit / 4)
    this.#failed = new BoundedTable({
      maxEntries: quarter(limits.maxEntries),
      maxTextUnits: quarter(limits.maxTextUnits),
    })
  }

  /** Successes that found no room. */
  get omitted(): number {
    return this.#used.omitted
  }

  /** @param failure why the call failed; `null` when it succeeded */
  add(path: string, failure: string | null): void {
    const use = this.#used.get(path)
    if (use !== undefined) {
      if (failure === null) use.count += 1
      else (use.errors ??= new WordCounts()).add(failure)
    } else if (failure === null) this.#used.add(ownText(path), { count: 1, errors: this.#failed.take(path) ?? null })
    else this.#addFailed(path, failure)
  }

  /** Sorted by path. */
  toList(): NameUse[] {
    return [...this.#used.entries()]
      .map(([path, { count, errors }]) => ({ path, count, errors: errors?.toRecord() ?? {} }))
      .sort((left, right) => compareText(left.path, right.path))
  }

  #addFailed(path: string, failure: string): void {
    let counts = this.#failed.get(path)
    if (counts === undefined) {
      counts = new WordCounts()
      this.#failed.add(ownText(path), counts)
    }
    counts.add(failure)
  }
}

/** The order of UTF-16 units, the same on every machine. */
export function compareText(left: string, right: string): number {
  if (left === right) return 0
  return left < right ? -1 : 1
}
