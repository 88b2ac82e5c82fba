/** Who waits for a sandbox, first come, first served. */
import type { ParsedAcquireOptions } from '../options/pool-options.js'
import type { SandboxLease } from './lease.js'

let sequence = 0

/** One `acquire` that has no sandbox yet. Settles once. */
export class Waiter {
  /** Ascending over all templates. */
  readonly sequence = (sequence += 1)
  readonly affinity: string | null
  readonly since = performance.now()
  readonly lease: Promise<SandboxLease>
  isSettled = false

  #resolve!: (lease: SandboxLease) => void
  #reject!: (error: unknown) => void
  #release: () => void = () => undefined

  /**
   * @param expired makes the error of the deadline
   * @param onGone called when it gives up by itself: its signal aborted, or its deadline passed
   */
  constructor(
    { affinity, signal, timeoutMs }: Pick<ParsedAcquireOptions, 'affinity' | 'signal' | 'timeoutMs'>,
    expired: (timeoutMs: number) => Error,
    onGone: (waiter: Waiter) => void,
  ) {
    this.affinity = affinity
    this.lease = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    const give = (error: unknown): void => {
      this.reject(error)
      onGone(this)
    }
    const onAbort = (): void => give(signal?.reason)
    const timer = timeoutMs === null ? undefined : setTimeout(() => give(expired(timeoutMs)), timeoutMs)
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#release = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
  }

  resolve(lease: SandboxLease): void {
    this.#settle()
    this.#resolve(lease)
  }

  reject(error: unknown): void {
    this.#settle()
    this.#reject(error)
  }

  #settle(): void {
    this.isSettled = true
    this.#release()
  }
}

/** The waiters of one template, oldest first. */
export class Line {
  #waiters: Waiter[] = []

  get length(): number {
    return this.#waiters.length
  }

  /** The waiter behind so many others. */
  at(index: number): Waiter | undefined {
    return this.#waiters[index]
  }

  /** Takes a place by age: one that comes back, because what it was given was no good, stands before the younger. */
  join(waiter: Waiter): void {
    const index = this.#waiters.findLastIndex((other) => other.sequence < waiter.sequence)
    this.#waiters.splice(index + 1, 0, waiter)
  }

  leave(waiter: Waiter): void {
    this.#waiters = this.#waiters.filter((other) => other !== waiter)
  }

  /** Takes the oldest out. */
  next(): Waiter | undefined {
    return this.#waiters.shift()
  }

  /** Takes the oldest of one affinity out. */
  nextOf(affinity: string | null): Waiter | undefined {
    const index = affinity === null ? -1 : this.#waiters.findIndex((waiter) => waiter.affinity === affinity)
    return index === -1 ? undefined : this.#waiters.splice(index, 1)[0]
  }

  /** Takes at most so many out, oldest first. */
  take(count: number): readonly Waiter[] {
    return this.#waiters.splice(0, count)
  }
}
