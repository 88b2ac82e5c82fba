import {
  parseFairJob,
  parseFairQueueOptions,
  parsePriority,
  parseTenant,
  type FairJobOptions,
  type FairQueueOptions,
} from '../options/index.js'
import type { RunFunction } from './job.js'
import { fairQueueRules } from './queue-rules.js'
import { Schedule } from './schedule.js'
import { ScheduleQueue } from './schedule-queue.js'

/**
 * A `queueClass` for p-queue that is fair between tenants: each gets its share by weight, whatever the others submit.
 *
 *     const queueClass = FairQueue.with({ tenants: { acme: { weight: 2 } } })
 *     const queue = new PQueue<FairQueue, FairJobOptions>({ concurrency: 4, queueClass })
 *     await queue.add(build, { tenant: 'acme/alice', cost: 3, priority: 1 })
 *
 * It orders and bounds what waits. Caps on what runs need to know when a job has ended, which p-queue tells no queue class: they
 * are in `TenantQueue`. Unlike p-queue's own queue it is bounded: `add()` rejects with a `QueueFullError` at once.
 */
export class FairQueue extends ScheduleQueue {
  #lastId = 0

  /** @throws {InvalidOptionsError} listing every issue */
  constructor(options: FairQueueOptions = {}) {
    super(new Schedule(fairQueueRules(parseFairQueueOptions(options))))
  }

  /** A queue class with these options. @throws {InvalidOptionsError} at once, listing every issue */
  static with(options: FairQueueOptions): new () => FairQueue {
    const resolved = parseFairQueueOptions(options)
    return class extends FairQueue {
      constructor() {
        super(resolved)
      }
    }
  }

  /**
   * Takes a job in.
   *
   * @throws {QueueFullError} when the queue, the tenant or a parent of it is full
   * @throws {InvalidOptionsError} listing every issue, or when a waiting job has the id already
   */
  enqueue(run: RunFunction, options: Partial<FairJobOptions> = {}): void {
    const { tenant, cost, priority, id } = parseFairJob(options)
    this.add(run, { tenant, cost, priority, units: 0, id: id ?? `#${++this.#lastId}` })
  }

  /** Takes the job out whose turn it is; `undefined` when none waits. */
  dequeue(): RunFunction | undefined {
    const job = this.take()
    if (job !== undefined) this.schedule.release(job.id)
    return job?.run
  }

  /**
   * Changes the priority of a waiting job; how long it has waited still counts.
   *
   * @throws {InvalidStateError} when no job of that id waits
   */
  setPriority(id: string, priority: number): void {
    this.schedule.setPriority(id, parsePriority(priority))
  }

  /** How many jobs of a tenant, and of all below it, wait. @throws {InvalidOptionsError} */
  depth(tenant: string): { readonly waiting: number } {
    return { waiting: this.depthOf(parseTenant(tenant)).waiting }
  }
}
