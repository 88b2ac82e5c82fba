/**
 * Finds out that the supervisor or the program no longer answers.
 *
 * One ping at a time: the next one starts `pingIntervalMs` after the last was answered, so that pings never pile up.
 */
import { CallTimeoutError } from '../errors.js'

/** Whom a {@link LockupDetector} asks, how often, and whom it tells. */
export interface LockupDetectorOptions {
  /** Pause between an answer and the next ping, in milliseconds. */
  readonly pingIntervalMs: number
  /** How long one ping may take, in milliseconds. */
  readonly lockupMs: number
  /** Sends one ping and resolves when it is answered. Rejects with `CallTimeoutError` when it is not, else with why it was not sent. */
  ping(timeoutMs: number): Promise<void>
  onPing(latencyMs: number): void
  /** No answer in time. Pings go on, so that a recovery is seen; called once for each time it gets stuck. */
  onLockup(): void
}

/** Watches one sandbox' supervisor and program. */
export class LockupDetector {
  readonly #options: LockupDetectorOptions
  #timer: NodeJS.Timeout | null = null
  #stopped = false
  #stuck = false

  constructor(options: LockupDetectorOptions) {
    this.#options = options
    this.#schedule()
  }

  stop(): void {
    this.#stopped = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  #schedule(): void {
    if (this.#stopped) return
    this.#timer = setTimeout(() => void this.#probe(), this.#options.pingIntervalMs)
    this.#timer.unref()
  }

  async #probe(): Promise<void> {
    const started = performance.now()
    try {
      await this.#options.ping(this.#options.lockupMs)
      if (this.#stopped) return
      this.#stuck = false
      this.#options.onPing(performance.now() - started)
    } catch (error) {
      if (this.#stopped) return
      if (!this.#stuck && error instanceof CallTimeoutError) {
        this.#stuck = true
        this.#options.onLockup()
      }
    }
    this.#schedule()
  }
}
