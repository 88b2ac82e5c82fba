/** What a pool counts of one template, for `stats()`, metrics and events. */
import { count, HISTOGRAMS, observe, publish, type HistogramName } from '../telemetry/index.js'
import { Histogram, type HistogramSnapshot } from './histogram.js'
import type { SandboxLease } from './lease.js'

/**
 * Why a sandbox was given up: `used` after its last use, `stale` when it lay for too long, `unhealthy` when it did not answer,
 * `ended` when it had ended by itself, `reset` when it could not be cleared, `surplus` when more were kept than wanted, `closed` with
 * the pool.
 */
export type DiscardReason = 'used' | 'stale' | 'unhealthy' | 'ended' | 'reset' | 'surplus' | 'closed'

/** Counts since the pool was opened. */
export interface PoolTotals {
  /** Handed out at once. */
  readonly warm: number
  /** Handed out after a start that the caller waited for. */
  readonly cold: number
  /** Starts that failed. */
  readonly failedStarts: number
  readonly discards: Readonly<Record<DiscardReason, number>>
  /** From `acquire` to the hand-over. */
  readonly waitMs: HistogramSnapshot
  /** From the hand-over to `release`. */
  readonly useMs: HistogramSnapshot
}

/** The numbers of one template. */
export interface TemplateStats extends PoolTotals {
  /** Ready for anybody. */
  readonly idle: number
  /** Used, cleared, and kept for those who used them. */
  readonly reused: number
  readonly starting: number
  /** Handed out. */
  readonly used: number
  /** Calls of `acquire` that wait for a start. */
  readonly waiting: number
}

const WAIT = 'container_sandbox.pool.acquire.duration'
const USE = 'container_sandbox.pool.use.duration'

/** Counts one template. */
export class Tally {
  readonly #template: string
  readonly #discards: Record<DiscardReason, number> = {
    used: 0,
    stale: 0,
    unhealthy: 0,
    ended: 0,
    reset: 0,
    surplus: 0,
    closed: 0,
  }
  readonly #waits = timesOf(WAIT)
  readonly #uses = timesOf(USE)
  #warm = 0
  #cold = 0
  #failedStarts = 0

  constructor(template: string) {
    this.#template = template
  }

  /** A cold one has been counted where it was started. */
  handedOut({ sandbox, warm, waitMs }: SandboxLease): void {
    const template = this.#template
    const kind = warm ? 'warm' : 'cold'
    this.#waits.add(waitMs)
    if (warm) {
      this.#warm += 1
      count('container_sandbox.sandbox.starts', 1, { kind })
    } else this.#cold += 1
    observe(WAIT, waitMs / 1000, { template, kind })
    publish('container-sandbox:pool:acquire', () => ({ template, sandboxId: sandbox.id, warm, waitMs }))
  }

  returned(useMs: number): void {
    this.#uses.add(useMs)
    observe(USE, useMs / 1000, { template: this.#template })
  }

  failed(): void {
    this.#failedStarts += 1
  }

  discarded(sandboxId: string, reason: DiscardReason): void {
    const template = this.#template
    this.#discards[reason] += 1
    count('container_sandbox.pool.discards', 1, { reason })
    publish('container-sandbox:pool:discard', () => ({ template, sandboxId, reason }))
  }

  totals(): PoolTotals {
    return {
      warm: this.#warm,
      cold: this.#cold,
      failedStarts: this.#failedStarts,
      discards: { ...this.#discards },
      waitMs: this.#waits.snapshot(),
      useMs: this.#uses.snapshot(),
    }
  }
}

/** With the buckets of the metric, which counts seconds. */
function timesOf(name: HistogramName): Histogram {
  return new Histogram(HISTOGRAMS[name].bounds.map((seconds) => seconds * 1000))
}
