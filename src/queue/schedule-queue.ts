import { QueueFullError } from '../errors.js'
import { count, observe, publish } from '../telemetry/index.js'
import type { Job, JobRequest, RunFunction } from './job.js'
import type { QueueDepth, Schedule } from './schedule.js'

/** A job's options, checked. */
export type JobOptions = Omit<JobRequest, 'enqueuedAtMs' | 'run'>

/**
 * What p-queue wants of a queue class, on top of a schedule.
 *
 * p-queue asks for `size`, and when that is not 0 it calls what `dequeue()` returns without a look. So `size` is how many jobs may
 * start now, not how many wait: 0 while all that wait are held back.
 */
export class ScheduleQueue {
  protected readonly schedule: Schedule

  constructor(schedule: Schedule) {
    this.schedule = schedule
  }

  /** How many jobs may start now. */
  get size(): number {
    return this.schedule.ready()
  }

  /** How many jobs wait. */
  get waiting(): number {
    return this.schedule.waiting
  }

  /** Jobs of a tenant and of all below it. */
  protected depthOf(tenant: string): QueueDepth {
    return this.schedule.depth(tenant)
  }

  /** @throws {QueueFullError} at once when the queue or the tenant is full */
  protected add(run: RunFunction, options: JobOptions): void {
    try {
      const { id, tenant, cost, priority, units } = options
      this.schedule.add({ id, tenant, cost, priority, units, run, enqueuedAtMs: performance.now() })
    } catch (error) {
      if (error instanceof QueueFullError) {
        // No names in the numbers: their values would be as many as there are tenants.
        count('container_sandbox.queue.rejections')
        const { waiting, limit } = error.details
        publish('container-sandbox:queue:reject', () => ({
          tenant: options.tenant,
          waiting: Number(waiting),
          limit: Number(limit),
        }))
      }
      throw error
    }
  }

  /** Takes the job whose turn it is; `undefined` when none may start. */
  protected take(): Job | undefined {
    const job = this.schedule.take()
    if (job !== undefined) observe('container_sandbox.queue.wait', (performance.now() - job.enqueuedAtMs) / 1000)
    return job
  }

  /** Takes a waiting job out; one that has started is left alone. */
  remove(id: string): void {
    this.schedule.remove(id)
  }

  /** The waiting jobs that have these options, in no order. Looks at each. */
  filter(options: { readonly id?: string; readonly tenant?: string; readonly priority?: number }): RunFunction[] {
    const { id, tenant, priority } = options
    const found: RunFunction[] = []
    for (const job of this.schedule.jobs()) {
      if (id !== undefined && job.id !== id) continue
      if (tenant !== undefined && job.tenant !== tenant) continue
      if (priority !== undefined && job.priority !== priority) continue
      found.push(job.run)
    }
    return found
  }
}
