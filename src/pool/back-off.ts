/** A pause that doubles with each failure in a row, so that what is away is neither hammered nor polled. */

/** After the first failure, in milliseconds. */
export const FIRST_PAUSE_MS = 500
/** Milliseconds. */
export const LONGEST_PAUSE_MS = 60_000
/** What ended by itself this soon, in milliseconds, may be one of many that will. */
export const SHORT_LIFE_MS = 10_000

/** The pause between failed tries of one thing. */
export class BackOff {
  readonly #onOver: () => void
  readonly #random: () => number
  #failures = 0
  #diesYoung = false
  #timer: NodeJS.Timeout | null = null

  /**
   * @param onOver called when a pause is over; never after {@link succeed} or {@link stop}
   * @param random from 0 to 1; for tests
   */
  constructor(onOver: () => void, random: () => number = Math.random) {
    this.#onOver = onOver
    this.#random = random
  }

  /** `true` while there is nothing to be tried. */
  get isActive(): boolean {
    return this.#timer !== null
  }

  /** Begins a pause. What fails during one, such as a start beside the first, is the same failure and changes nothing. */
  fail(): void {
    if (this.isActive) return
    const fullMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.#failures, 20))
    this.#failures += 1
    // Between half and the whole: many hosts that lost one engine do not come back to it at the same moment.
    const pauseMs = fullMs * (0.5 + 0.5 * this.#random())
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#onOver()
    }, pauseMs)
    this.#timer.unref()
  }

  /**
   * What was made has ended by itself, unused, at this age. The second that does so young is a failure; from the first on no
   * {@link succeed} counts until one is {@link used}.
   */
  ended(ageMs: number): void {
    if (ageMs >= SHORT_LIFE_MS) return
    if (this.#diesYoung) this.fail()
    this.#diesYoung = true
  }

  /** What was made is of use. */
  used(): void {
    this.#diesYoung = false
  }

  /** What was made is ready. Ends the pause; the next one is a first one. */
  succeed(): void {
    if (this.#diesYoung) return
    this.#failures = 0
    this.#clear()
  }

  /** Ends the pause for good. */
  stop(): void {
    this.#clear()
  }

  #clear(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }
}
