/** Which commands the trace has followed to their end, and who waits for that. */

/** Ends that nobody has asked for are remembered up to this number: those of commands that could not be started. */
const MAX_REMEMBERED = 10_000

/** Joins the end of a command as the supervisor reports it with its end in the trace. */
export class CommandTraces {
  readonly #maxLagMs: number
  readonly #onLate: (commandId: number) => void
  readonly #ended = new Set<number>()
  readonly #waiting = new Map<number, () => void>()
  #isClosed = false

  /**
   * @param maxLagMs how much later than the supervisor's report the trace may tell of an end
   * @param onLate the trace did not come to the end of that command in time
   */
  constructor(maxLagMs: number, onLate: (commandId: number) => void) {
    this.#maxLagMs = maxLagMs
    this.#onLate = onLate
  }

  /** The trace shows the end of a command. */
  ended(commandId: number): void {
    const wake = this.#waiting.get(commandId)
    if (wake !== undefined) return wake()
    const [oldest] = this.#ended.size < MAX_REMEMBERED ? [] : this.#ended
    if (oldest !== undefined) this.#ended.delete(oldest)
    this.#ended.add(commandId)
  }

  /** Resolves at the end of the command in the trace, when that is late, or at {@link close}. To be asked once for each command. */
  traced(commandId: number): Promise<void> {
    if (this.#isClosed || this.#ended.delete(commandId)) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#onLate(commandId)
        wake()
      }, this.#maxLagMs)
      const wake = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(commandId)
        resolve()
      }
      this.#waiting.set(commandId, wake)
    })
  }

  /** There will be no more ends. */
  close(): void {
    this.#isClosed = true
    for (const wake of this.#waiting.values()) wake()
  }
}
