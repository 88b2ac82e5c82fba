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
  /** `null` when there is no program. */
  readonly program: RpcPeer | null
  /** The supervisor answered. */
  readonly onPing: (latencyMs: number) => void
  readonly onLockup: (target: LockupTarget, error: LockupError) => void
}

/** Watches one target. */
export class LockupWatch {
  readonly #detectors = new Map<LockupTarget, LockupDetector>()

  /** Starts at once; `pingIntervalMs: null` watches nothing. */
  constructor({ timeouts, control, program, onPing, onLockup }: LockupWatchOptions) {
    const { pingIntervalMs, lockupMs } = timeouts
    if (pingIntervalMs === null) return
    const watch = (target: LockupTarget, ping: (timeoutMs: number) => Promise<unknown>): void => {
      const detector = new LockupDetector({
        pingIntervalMs,
        lockupMs,
        ping,
        onPing: (latencyMs) => target === 'shovel' && onPing(latencyMs),
        onLockup: () => onLockup(target, lockup(target, lockupMs)),
      })
      this.#detectors.set(target, detector)
    }
    watch('shovel', (timeoutMs) => control.call('ping', {}, { timeoutMs }))
    if (program !== null) watch('program', (timeoutMs) => program.call('$/ping', {}, { timeoutMs }))
  }

  stop(): void {
    for (const target of [...this.#detectors.keys()]) this.stopTarget(target)
  }

  /** The program has ended, and silence is all that it owes. */
  stopTarget(target: LockupTarget): void {
    this.#detectors.get(target)?.stop()
    this.#detectors.delete(target)
  }
}

function lockup(target: LockupTarget, lockupMs: number): LockupError {
  const message = `Lockup detected: the ${target} did not answer a ping for ${lockupMs} ms`
  return new LockupError(message, { details: { target } })
}
