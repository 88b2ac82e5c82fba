/** Pings the supervisor and the program of one sandbox, and tells when one of them has stopped answering. */
import { LockupError } from '../errors.js'
import type { RpcPeer } from '../protocol/index.js'
import type { ResolvedTimeouts } from '../options/index.js'
import { LockupDetector } from './lockup-detector.js'

/** Who is watched. */
export type LockupTarget = 'shovel' | 'program'

/** How often one target is asked and how long it may be silent; milliseconds. */
export interface LockupWatchOptions {
  readonly timeouts: Pick<ResolvedTimeouts, 'pingIntervalMs' | 'lockupMs'>
  readonly control: RpcPeer
  /** The supervisor answered. */
  readonly onPing: (latencyMs: number) => void
  readonly onLockup: (target: LockupTarget, error: LockupError) => void
}

/** Watches one sandbox. */
export class LockupWatch {
  readonly #options: LockupWatchOptions
  readonly #supervisor: LockupDetector | null
  #program: LockupDetector | null = null
  #isStopped = false

  /** Starts with the supervisor, at once; `pingIntervalMs: null` watches nothing. */
  constructor(options: LockupWatchOptions) {
    this.#options = options
    this.#supervisor = this.#watch('shovel', (timeoutMs) => options.control.probe('ping', timeoutMs))
  }

  /** Watches this program instead of the last one; `null`: it has ended, and silence is all that it owes. */
  watchProgram(peer: RpcPeer | null): void {
    this.#program?.stop()
    const isWanted = peer !== null && !this.#isStopped
    this.#program = isWanted ? this.#watch('program', (timeoutMs) => peer.probe('$/ping', timeoutMs)) : null
  }

  stop(): void {
    this.#isStopped = true
    this.#supervisor?.stop()
    this.#program?.stop()
  }

  #watch(target: LockupTarget, ping: (timeoutMs: number) => Promise<void>): LockupDetector | null {
    const { timeouts, onPing, onLockup } = this.#options
    const { pingIntervalMs, lockupMs } = timeouts
    if (pingIntervalMs === null) return null
    return new LockupDetector({
      pingIntervalMs,
      lockupMs,
      ping,
      onPing: (latencyMs) => target === 'shovel' && onPing(latencyMs),
      onLockup: () => onLockup(target, lockup(target, lockupMs)),
    })
  }
}

function lockup(target: LockupTarget, lockupMs: number): LockupError {
  const message = `Lockup detected: the ${target} did not answer a ping for ${lockupMs} ms`
  return new LockupError(message, { details: { target } })
}
