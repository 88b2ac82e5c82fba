/** A sandbox that a pool has handed out. */
import { parseReleaseOptions, type ReleaseOptions } from '../options/pool-options.js'
import type { ContainerSandbox } from '../sandbox/container-sandbox.js'

/** What a lease tells of its sandbox. */
export interface LeaseFacts {
  readonly sandbox: ContainerSandbox
  readonly template: string
  readonly warm: boolean
  readonly waitMs: number
  readonly use: number
}

/**
 * Whoever holds it must call `release()`, also when the sandbox has ended. After that the sandbox belongs to the pool again:
 * do not touch it.
 */
export class SandboxLease implements AsyncDisposable {
  readonly sandbox: ContainerSandbox
  readonly template: string
  /** `false`: it was started, at least in part, while this caller waited. */
  readonly warm: boolean
  /** From the call of `acquire` to the hand-over, in milliseconds. */
  readonly waitMs: number
  /** The how-manieth use of this sandbox; 1 for a fresh one. */
  readonly use: number
  /** @internal Resolves when it was given back and that is done. */
  readonly returned: Promise<void>
  readonly #retire: (reuse: boolean) => Promise<void>
  #released: Promise<void> | null = null
  #onReturned!: (done: Promise<void>) => void

  /** @internal */
  constructor({ sandbox, template, warm, waitMs, use }: LeaseFacts, retire: (reuse: boolean) => Promise<void>) {
    this.sandbox = sandbox
    this.template = template
    this.warm = warm
    this.waitMs = waitMs
    this.use = use
    this.#retire = retire
    this.returned = new Promise((resolve) => (this.#onReturned = resolve))
  }

  /**
   * Gives the sandbox back. Resolves when it is gone or, where the pool's `maxUses` and the `affinity` of this use allow
   * another, when it is cleared for that. The first call counts. Never rejects for what the sandbox did.
   * @throws {InvalidOptionsError}
   */
  async release(options: ReleaseOptions = {}): Promise<void> {
    const { reuse } = parseReleaseOptions(options)
    if (this.#released === null) {
      this.#released = this.#retire(reuse)
      this.#onReturned(this.#released)
    }
    return this.#released
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release()
  }
}
