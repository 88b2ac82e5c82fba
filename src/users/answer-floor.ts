import { setTimeout as delay } from 'node:timers/promises'

/** A check that took longer than the floor raises it for this long. */
const REMEMBERED_MS = 10 * 60_000

/** An answer is never held back for longer than this many floors: one pause of the machine must not slow down everybody. */
const MAX_STEPS = 10

/**
 * Makes all answers take the same time: each is held back until a multiple of a floor has passed.
 *
 * A check that overruns the floor would tell by its time that it computed a hash. So the longest check of the last minutes raises
 * the floor for all.
 */
export class AnswerFloor {
  readonly #floorMs: number
  #steps = 1
  #raisedAtMs = -Infinity

  constructor(floorMs: number) {
    this.#floorMs = floorMs
  }

  /** @param startedAtMs - by `performance.now()`. @returns when the answer may be given */
  async hold(startedAtMs: number): Promise<void> {
    if (this.#floorMs === 0) return
    const now = performance.now()
    const needed = Math.ceil((now - startedAtMs) / this.#floorMs)
    if (now - this.#raisedAtMs > REMEMBERED_MS) this.#steps = 1
    if (needed > this.#steps && needed <= MAX_STEPS) {
      this.#steps = needed
      this.#raisedAtMs = now
    }
    const until = startedAtMs + Math.max(needed, this.#steps) * this.#floorMs
    // A timer may fire up to a millisecond early.
    for (let left = until - performance.now(); left > 0; left = until - performance.now()) await delay(Math.ceil(left))
  }
}
