/** What a call returns: a native promise that can be given a deadline afterwards, as the old package's could. */

/** @see {@link CallPromise.timeout} */
export class CallPromise<Result = unknown> extends Promise<Result> {
  #reject: ((error: Error) => void) | null = null
  #timers: NodeJS.Timeout[] = []

  /** `then` makes plain promises. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise
  }

  /** The promise of `work`. A rejection that nobody waits for is no crash: the other side must not be able to cause one. */
  static of<Result>(work: Promise<Result>): CallPromise<Result> {
    let settle: { resolve: (value: Result) => void; reject: (error: Error) => void } | undefined
    const promise = new CallPromise<Result>((resolve, reject) => (settle = { resolve, reject }))
    promise.#reject = settle?.reject ?? null
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
    if (ms > 0) this.#timers.push(setTimeout(() => this.#reject?.(new Error('timeout')), ms))
    return this
  }
}
