/**
 * What every attempt to log in passes, whoever checks the password.
 *
 * 1. The throttle: an attempt during a wait is refused unseen.
 * 2. A turn: attempts of one user from one origin follow each other, or a hundred at once would all be free of the wait that
 *    the first failures begin. A bounded number is checked at once.
 * 3. The check: directory and password, both always.
 * 4. The floor: the turn is held until the floor has passed, so that neither this answer nor the wait of those behind tells how
 *    long the check took.
 */
import { LoginFailedError } from '../errors.js'
import { parseLoginGuardOptions, type LoginGuardOptions, type ResolvedLoginGuardOptions } from '../options/index.js'
import { AnswerFloor } from './answer-floor.js'
import { LoginThrottle, type Attempt } from './login-throttle.js'

/** Attempts of one pair that wait for each other. */
const MAX_WAITING_PER_PAIR = 32

/** Evens out and slows down attempts to log in. One for all logins of a process that share their counts. */
export class LoginGuard {
  readonly #options: ResolvedLoginGuardOptions
  readonly #throttle: LoginThrottle
  readonly #floor: AnswerFloor
  readonly #pairs = new Map<string, { last: Promise<void>; size: number }>()
  readonly #queue: (() => void)[] = []
  #running = 0
  #waiting = 0

  /** @throws {InvalidOptionsError} */
  constructor(options: LoginGuardOptions = {}) {
    this.#options = parseLoginGuardOptions(options)
    this.#throttle = new LoginThrottle(this.#options)
    this.#floor = new AnswerFloor(this.#options.minAnswerMs)
  }

  /**
   * One attempt.
   *
   * @param check - resolves with what a right password gives, else `null`; rejects when nothing could be checked
   * @throws {LoginFailedError} when the answer is no, or when too many attempts came before. What `check` rejects with, after the same time.
   */
  async attempt<T>(attempt: Attempt, signal: AbortSignal, check: () => Promise<T | null>): Promise<T> {
    const turn = this.#inTurn(attempt, async () => {
      this.#assertNoWait(attempt)
      signal.throwIfAborted()
      const startedAtMs = performance.now()
      let failed = true
      try {
        const result = await check()
        if (result !== null) {
          failed = false
          this.#throttle.succeeded(attempt)
          await this.#floor.hold(startedAtMs)
          return result
        }
      } catch (error) {
        // A canceled attempt counts, or guesses would be free for who hangs up early; a check that did not happen does not.
        failed = signal.aborted
        await this.#floor.hold(startedAtMs)
        throw error
      } finally {
        if (failed) this.#throttle.failed(attempt)
      }
      await this.#floor.hold(startedAtMs)
      throw new LoginFailedError(this.#throttle.waitMs(attempt))
    })
    return untilAborted(turn, signal)
  }

  #assertNoWait(attempt: Attempt): void {
    const waitMs = this.#throttle.waitMs(attempt)
    if (waitMs > 0) throw new LoginFailedError(waitMs)
  }

  async #inTurn<T>(attempt: Attempt, work: () => Promise<T>): Promise<T> {
    this.#assertNoWait(attempt)
    const key = JSON.stringify([attempt.directory, attempt.username.slice(0, 1024), attempt.origin])
    const pair = this.#pairs.get(key) ?? { last: Promise.resolve(), size: 0 }
    if (pair.size >= MAX_WAITING_PER_PAIR || this.#waiting >= this.#options.maxWaiting + this.#options.maxConcurrent) {
      throw new LoginFailedError(Math.max(1, this.#options.minAnswerMs))
    }
    this.#pairs.set(key, pair)
    pair.size += 1
    this.#waiting += 1
    const turn = pair.last.then(() => this.#withSlot(work))
    pair.last = turn.then(
      () => undefined,
      () => undefined,
    )
    try {
      return await turn
    } finally {
      this.#waiting -= 1
      pair.size -= 1
      if (pair.size === 0) this.#pairs.delete(key)
    }
  }

  async #withSlot<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#options.maxConcurrent) await new Promise<void>((resolve) => this.#queue.push(resolve))
    else this.#running += 1
    try {
      return await work()
    } finally {
      const next = this.#queue.shift()
      if (next === undefined) this.#running -= 1
      else next()
    }
  }
}

/** Lets the caller go at once; what it waited for goes on and keeps its turn. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let abort: (() => void) | undefined
  const aborted = new Promise<never>((_resolve, reject) => {
    abort = () => reject(signal.reason as Error)
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    if (abort !== undefined) signal.removeEventListener('abort', abort)
  }
}
