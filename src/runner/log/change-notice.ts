/** Wakes everybody who waits for something to change. What they wait for is theirs to check. */
export class ChangeNotice {
  readonly #waiters = new Set<() => void>()

  notify(): void {
    const waiters = [...this.#waiters]
    this.#waiters.clear()
    for (const wake of waiters) wake()
  }

  /** Resolves with the next {@link notify}. @throws the signal's reason */
  wait(signal: AbortSignal | null): Promise<void> {
    return new Promise((resolve, reject) => {
      const wake = (): void => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }
      const onAbort = (): void => {
        this.#waiters.delete(wake)
        reject(signal?.reason as Error)
      }
      if (signal?.aborted === true) return onAbort()
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#waiters.add(wake)
    })
  }
}
