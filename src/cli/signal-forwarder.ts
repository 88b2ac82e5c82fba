import type { SignalScope } from '../sandbox/sandbox-process.js'

/** Signals that a user or a service manager sends to end or steer a program. */
const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const

/** The part of a running command that takes signals. */
export interface SignalTarget {
  kill(signal: NodeJS.Signals, scope: SignalScope): boolean
}

/**
 * Hands the signals of this process to the command in the sandbox.
 *
 * Before a command runs, the first signal aborts the start. A second SIGINT kills the command with all its descendants;
 * a third one ends this process at once, and the sandbox ends itself because nobody listens any more.
 */
export class SignalForwarder implements Disposable {
  /** The first signal that came, if any. */
  received: NodeJS.Signals | null = null

  readonly #aborted = new AbortController()
  readonly #handlers = new Map<NodeJS.Signals, () => void>()
  #target: SignalTarget | null = null
  #interrupts = 0

  constructor() {
    for (const signal of FORWARDED) {
      const handler = (): void => this.#handle(signal)
      this.#handlers.set(signal, handler)
      process.on(signal, handler)
    }
  }

  /** Fires with the first signal that comes while there is no target. */
  get aborted(): AbortSignal {
    return this.#aborted.signal
  }

  attach(target: SignalTarget): void {
    this.#target = target
  }

  [Symbol.dispose](): void {
    for (const [signal, handler] of this.#handlers) process.off(signal, handler)
    this.#handlers.clear()
  }

  #handle(signal: NodeJS.Signals): void {
    this.received ??= signal
    if (signal === 'SIGINT') this.#interrupts += 1
    // Not process.exit(): it waits for a write that is stuck in a pipe which nobody reads.
    if (this.#interrupts > 2) process.kill(process.pid, 'SIGKILL')
    if (this.#target === null) this.#aborted.abort()
    else if (this.#interrupts > 1) this.#target.kill('SIGKILL', 'tree')
    // A terminal interrupts the whole foreground group; a service manager signals the main process.
    else this.#target.kill(signal, signal === 'SIGTERM' ? 'process' : 'group')
  }
}
