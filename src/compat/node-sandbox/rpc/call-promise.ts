/** What a call returns: a native promise that can be given a deadline afterwards, as the old package's could. */

/** The longest delay that a timer takes. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** A promise of this realm, with one method more. */
export interface CallPromise<Result = unknown> extends Promise<Result> {
  /**
   * Rejects with `Error('timeout')` unless it is settled within `ms`; 0 or less: no deadline.
   * @returns this promise.
   */
  timeout(ms: number): this
}

/** What {@link callPromise} does besides waiting. */
export interface CallPromiseOptions {
  /** Called when a deadline is over. */
  readonly cancel?: () => void
  /** Makes what it rejects with of what `work` rejects with. */
  readonly describe?: (error: Error) => Error
}

/** The promise of `work`. A rejection that nobody waits for is no crash: the other side must not be able to cause one. */
export function callPromise<Result>(work: Promise<Result>, options: CallPromiseOptions = {}): CallPromise<Result> {
  const { cancel, describe } = options
  let timers: NodeJS.Timeout[] | null = null
  let fail: (error: unknown) => void
  const promise = new Promise<Result>((resolve, reject) => {
    fail = reject
    const stop = (): void => timers?.splice(0).forEach((timer) => clearTimeout(timer))
    work.then(
      (result) => {
        stop()
        resolve(result)
      },
      (error: Error) => {
        stop()
        reject(describe === undefined ? error : describe(error))
      },
    )
  }) as CallPromise<Result>
  promise.catch(() => undefined)
  promise.timeout = (ms) => {
    const expire = (): void => {
      fail(new Error('timeout'))
      cancel?.()
    }
    if (ms > 0) (timers ??= []).push(setTimeout(expire, Math.min(ms, MAX_TIMER_MS)))
    return promise
  }
  return promise
}
