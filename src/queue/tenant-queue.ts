import { AsyncResource } from 'node:async_hooks'
import PQueue from 'p-queue'
import { InvalidStateError } from '../errors.js'
import {
  parsePriority,
  parseTenant,
  parseTenantJob,
  parseTenantQueueOptions,
  type TenantJobOptions,
  type TenantQueueOptions,
} from '../options/index.js'
import { showQueue } from './busy-queues.js'
import type { RunFunction } from './job.js'
import { tenantQueueRules } from './queue-rules.js'
import { Schedule, type QueueDepth } from './schedule.js'
import { ScheduleQueue, type JobOptions } from './schedule-queue.js'

/** What a job is given. */
export interface JobContext {
  /** The caller's signal; one that never aborts when it gave none. */
  readonly signal: AbortSignal
}

/** p-queue over a schedule of which the jobs are released when they have ended, not when they start. */
class CappedQueue extends ScheduleQueue {
  enqueue(run: RunFunction, options: Partial<JobOptions> = {}): void {
    // Only TenantQueue adds jobs, with all their options.
    this.add(run, options as JobOptions)
  }
  dequeue(): RunFunction | undefined {
    return this.take()?.run
  }
  setPriority(id: string, priority: number): void {
    this.schedule.setPriority(id, priority)
  }
}

/**
 * Runs jobs of many tenants: a p-queue that is fair by weight as `FairQueue` is, with caps per tenant and a budget of units.
 *
 * - A tenant at its cap is passed over and nobody waits for it. A cap of `acme` holds for all of `acme/…` together.
 * - A job whose turn it is and whose `units` do not fit is waited for: nothing starts before it. So it waits at most for the jobs
 *   that run already.
 * - A job counts until its promise has settled. A running job that is cancelled is told by its signal and keeps its place until
 *   it has ended.
 */
export class TenantQueue {
  readonly #concurrency: number
  readonly #schedule: Schedule
  readonly #queue: PQueue<CappedQueue, Partial<JobOptions>>
  /** Rejects the promise of a waiting job. */
  readonly #rejects = new Map<string, (reason: Error) => void>()
  #lastId = 0

  /** @throws {InvalidOptionsError} listing every issue */
  constructor(options: TenantQueueOptions) {
    const resolved = parseTenantQueueOptions(options)
    const schedule = new Schedule(tenantQueueRules(resolved))
    const queueClass = class extends CappedQueue {
      constructor() {
        super(schedule)
      }
    }
    this.#concurrency = resolved.concurrency
    this.#schedule = schedule
    this.#queue = new PQueue({ concurrency: resolved.concurrency, queueClass })
    // When a job ends p-queue starts one other; units and caps can make room for several.
    this.#queue.on('next', () => this.#startAll())
  }

  /** Jobs that wait. */
  get waiting(): number {
    return this.#schedule.waiting
  }

  /** Jobs that run. */
  get running(): number {
    return this.#schedule.running
  }

  /** Jobs of a tenant and of all below it. @throws {InvalidOptionsError} */
  depth(tenant: string): QueueDepth {
    return this.#schedule.depth(parseTenant(tenant))
  }

  /**
   * Runs `work` when it is its turn.
   *
   * @returns what `work` returns; a rejection of `work` is passed on
   * @throws {QueueFullError} at once when the queue, the tenant or a parent of it is full
   * @throws {InvalidOptionsError} listing every issue; when a job in the queue has the id already; when `units` are more than `capacity`
   * @throws the signal's reason when it aborts while the job waits, {@link InvalidStateError} when the queue is cleared then
   */
  add<T>(work: (context: JobContext) => Promise<T> | T, options: TenantJobOptions): Promise<T> {
    return new Promise((resolve, reject) => {
      const { signal, id: givenId, ...job } = parseTenantJob(options)
      signal?.throwIfAborted()
      const id = givenId ?? `#${++this.#lastId}`
      this.#schedule.assertNew(id)
      const onAbort = (): void => this.#cancel(id, signal?.reason as Error)
      const stopWaiting = (): void => {
        this.#rejects.delete(id)
        signal?.removeEventListener('abort', onAbort)
      }
      // What waited is started by the end of another job, of another tenant: it runs in the context of its own caller.
      const run = AsyncResource.bind(async (): Promise<T> => {
        stopWaiting()
        try {
          return await work({ signal: signal ?? new AbortController().signal })
        } finally {
          // Before p-queue looks for the next job: it does so when this promise has settled.
          this.#schedule.release(id)
          showQueue(this)
        }
      })
      // Before it is added: that can start another job, which cancels this one.
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#rejects.set(id, (reason) => {
        stopWaiting()
        reject(reason)
      })
      // p-queue gets no signal: on an abort it would take a running job for ended while it still runs.
      this.#queue.add(run, { ...job, id }).then(resolve, reject)
      if (!this.#schedule.isWaiting(id)) stopWaiting()
      showQueue(this)
    })
  }

  /**
   * Changes the priority of a waiting job among its tenant's own; how long it has waited still counts.
   *
   * @throws {InvalidStateError} when no job of that id waits
   */
  setPriority(id: string, priority: number): void {
    this.#schedule.setPriority(id, parsePriority(priority))
  }

  /** Starts no job until `start()`. What runs goes on. */
  pause(): void {
    this.#queue.pause()
  }

  /** Starts jobs again. */
  start(): void {
    this.#queue.start()
  }

  /** Takes out all that wait; their promises reject with an `InvalidStateError`. What runs goes on. */
  clear(): void {
    for (const [id, reject] of this.#rejects) {
      this.#schedule.remove(id)
      reject(new InvalidStateError('The queue was cleared while the job waited: it did not run'))
    }
    this.#afterRemoval()
  }

  /** Resolves when no job waits or runs. */
  onIdle(): Promise<void> {
    return this.#queue.onIdle()
  }

  #cancel(id: string, reason: Error): void {
    this.#schedule.remove(id)
    this.#rejects.get(id)?.(reason)
    this.#afterRemoval()
  }

  /** Others may fit now; and if none is left, the queue is idle. */
  #afterRemoval(): void {
    this.#startAll()
    showQueue(this)
  }

  /** p-queue starts what it can whenever it is given its concurrency. */
  #startAll(): void {
    this.#queue.concurrency = this.#concurrency
  }
}
