/** How often something may be restarted before that counts as a failure of its own. */

/** Restarts that are allowed within {@link RESTART_WINDOW_MS}. */
export const MAX_RESTARTS = 5

/** Milliseconds. */
export const RESTART_WINDOW_MS = 60_000

/** Counts restarts within a sliding window. */
export class RestartBudget {
  readonly #times: number[] = []

  /** @param now - milliseconds of a clock that never goes back @returns whether one more restart is allowed; it counts then */
  take(now = performance.now()): boolean {
    while (this.#times[0] !== undefined && this.#times[0] <= now - RESTART_WINDOW_MS) this.#times.shift()
    if (this.#times.length >= MAX_RESTARTS) return false
    this.#times.push(now)
    return true
  }
}
