/** What a call returns: a native promise that can be given a deadline afterwards, as the old package's could. */

/** The longest delay that a timer takes. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** @see {@link CallPromise.timeout} */
export class CallPromise<Result = unknown> extends Promise<Result> {
  #reject: ((error: Error) => void) | null = null
  #timers: NodeJS.Timeout[] = []
  #cancel: () => void = () => undefined

  /** `then` makes plain promises. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise
  }

  /**
   * The promise of `work`. A rejection that nobody waits for is no crash: the other side must not be able to cause one.
   * @param cancel called when a deadline is over.
   */
  static of<Result>(work: Promise<Result>, cancel: () => void = () => undefined): CallPromise<Result> {
    let settle: { resolve: (value: Result) => void; reject: (error: Error) => void } | undefined
    const promise = new CallPromise<Result>((resolve, reject) => (settle = { resolve, reject }))
    promise.#reject = settle?.reject ?? null
    promise.#cancel = cancel
    const stop = (): void => promise.#timers.splice(0).forEach(clearTimeout)
    void work.then(settle?.resolve, settle?.reject).finally(stop)
    promise.catch(() => undefined)
    return promise
  }

  /**
   * Rejects with `Error('timeout')` unless it is settled within `ms`.
   * @returns this promise.
   */
  timeout(ms: number): this {
    if (!(ms > 0)) return this
    const expire = (): void => {
      this.#reject?.(new Error('timeout'))
      this.#cancel()
    }
    this.#timers.push(setTimeout(expire, Math.min(ms, MAX_TIMER_MS)))
    return this
  }
}
