/** Why a build, or a step, is stopped before its end. The first reason counts. */

/** What stops a build from outside of its steps. */
export type StopReason = 'timeout' | 'canceled'

/** What the signal of a build aborts with. */
export class BuildStopped extends Error {
  readonly reason: StopReason

  constructor(reason: StopReason) {
    super(`the build was stopped: ${reason}`)
    this.name = 'BuildStopped'
    this.reason = reason
  }
}

/** @returns the reason that a signal has aborted with; `null` when it has not */
export function stopReason(signal: AbortSignal): StopReason | null {
  if (!signal.aborted) return null
  return signal.reason instanceof BuildStopped ? signal.reason.reason : 'canceled'
}
