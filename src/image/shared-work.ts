/**
 * One piece of work for all who ask for it at the same time.
 *
 * A waiter that aborts gets its own reason at once; the work itself is aborted when the last waiter has left. Work that was
 * aborted is not joined any more: whoever asks next starts anew.
 */
export class SharedWork<T> {
  readonly #running = new Map<string, Running<T>>()

  /**
   * @param key What makes two pieces of work the same.
   * @param work Called only when no such work is running; its signal aborts when nobody waits any longer.
   * @throws whatever `work` throws, or the reason of `signal`.
   */
  async run(key: string, signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    signal?.throwIfAborted()
    const running = this.#running.get(key) ?? this.#start(key, work)
    running.waiters += 1
    let leave: (() => void) | undefined
    const left = new Promise<never>((_, reject) => {
      leave = () => {
        reject(signal?.reason as Error)
      }
    })
    if (leave !== undefined) signal?.addEventListener('abort', leave, { once: true })
    try {
      return await Promise.race([running.result, left])
    } finally {
      if (leave !== undefined) signal?.removeEventListener('abort', leave)
      running.waiters -= 1
      if (running.waiters === 0) this.#drop(key, running)
    }
  }

  #start(key: string, work: (signal: AbortSignal) => Promise<T>): Running<T> {
    const controller = new AbortController()
    const running: Running<T> = { result: work(controller.signal), controller, waiters: 0 }
    // The race above reports the failure; without a waiter there is nobody to report it to.
    running.result.catch(() => undefined)
    this.#running.set(key, running)
    return running
  }

  /** Also reached when the work has ended: aborting it then changes nothing. */
  #drop(key: string, running: Running<T>): void {
    if (this.#running.get(key) === running) this.#running.delete(key)
    running.controller.abort(new DOMException('Nobody waits for this any longer.', 'AbortError'))
  }
}

interface Running<T> {
  readonly result: Promise<T>
  readonly controller: AbortController
  waiters: number
}
