/**
 * Which sandbox is started next, over all templates, and when.
 *
 * Who waits comes first, in the order of waiting; then the idle counts, the emptiest stock first. For the idle counts nothing is
 * begun while anybody waits, during the pause after a failed start, or in the moment after a hand-over: a start takes both this
 * process and the engine some milliseconds, and a caller that takes several sandboxes in a row would wait behind it.
 * Who waits is served whatever the pause: their call is the try.
 */
import { detached } from '../telemetry/index.js'
import type { Shelf, ShelfChange } from './shelf.js'

/** Between a hand-over and the start that follows from it, in milliseconds. */
const HAND_OVER_QUIET_MS = 10

/** Begins the starts of one pool. */
export class Starter {
  readonly #shelves: () => Iterable<Shelf>
  readonly #maxStarts: number
  #isStopped = false
  #timer: NodeJS.Timeout | null = null

  constructor(shelves: () => Iterable<Shelf>, maxStarts: number) {
    this.#shelves = shelves
    this.#maxStarts = maxStarts
  }

  readonly onChange = (change: ShelfChange): void => {
    if (change === 'waiter') this.#run(false)
    else this.#runLater(change === 'taken' ? HAND_OVER_QUIET_MS : 0)
  }

  stop(): void {
    this.#isStopped = true
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  #runLater(delayMs: number): void {
    if (this.#timer !== null || this.#isStopped) return
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#run(true)
    }, delayMs)
  }

  #run(withStock: boolean): void {
    if (this.#isStopped) return
    const shelves = [...this.#shelves()]
    let free = this.#maxStarts - shelves.reduce((sum, { starts }) => sum + starts.size, 0)
    for (let shelf; free > 0 && (shelf = longestWaiting(shelves)) !== null; free -= 1) this.#begin(shelf, true)
    if (!withStock || shelves.some(({ line }) => line.length > 0)) return
    for (let shelf; free > 0 && (shelf = emptiest(shelves)) !== null; free -= 1) this.#begin(shelf, false)
  }

  #begin(shelf: Shelf, isDemanded: boolean): void {
    // Who gets it is open, and whoever happens to be the reason has no part in its requests.
    const start = detached(() => shelf.begin(isDemanded))
    void start.done
      .then(
        (pooled) => shelf.started(start, pooled),
        (error: unknown) => shelf.failed(start, error),
      )
      .then(() => this.#run(true))
  }
}

/** The shelf of the oldest waiter that no start serves. */
function longestWaiting(shelves: readonly Shelf[]): Shelf | null {
  const unserved = ({ line, starts }: Shelf): number => line.at(starts.size)?.sequence ?? Infinity
  return best(shelves, (shelf) => -unserved(shelf), -Infinity)
}

/** The shelf that lacks the largest part of its idle count. */
function emptiest(shelves: readonly Shelf[]): Shelf | null {
  return best(shelves, ({ backOff, missing, template }) => (backOff.isActive ? 0 : missing / template.idle), 0)
}

/** The first of those with the highest rank above `floor`. */
function best(shelves: readonly Shelf[], rankOf: (shelf: Shelf) => number, floor: number): Shelf | null {
  let found: Shelf | null = null
  let highest = floor
  for (const shelf of shelves) {
    const rank = rankOf(shelf)
    if (rank > highest) {
      found = shelf
      highest = rank
    }
  }
  return found
}
