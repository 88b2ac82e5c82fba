/** Orders to measure: ours, and worse ones, which show that what the tests ask for can be missed. */
import { Schedule } from '../../../src/queue/schedule.js'
import { openRules } from './arbitraries.js'

/** A job as it is handed in. */
export interface Arrival {
  readonly tenant: string
  readonly cost: number
  readonly priority?: number
  readonly units?: number
  readonly atMs?: number
}

/** Takes jobs in and says which starts next. */
export interface Discipline {
  add(job: Arrival): void
  /** The job that starts now; it has ended before the next is asked for, unless `end` is used. */
  next(): Arrival | undefined
}

/** Ours. */
export class Fair implements Discipline {
  protected readonly schedule: Schedule
  readonly #arrivals = new Map<string, Arrival>()
  #count = 0

  constructor(weights: Readonly<Record<string, number>> = {}, ageingMs: number | null = null) {
    this.schedule = new Schedule({ ...openRules(weights), ageingMs })
  }

  add(job: Arrival): void {
    const { cost, priority = 0, units = 0, atMs = 0 } = job
    const tenant = this.tenantOf(job)
    const id = String(this.#count++)
    this.#arrivals.set(id, job)
    this.schedule.add({ id, tenant, cost, priority, units, enqueuedAtMs: atMs, run: () => Promise.resolve() })
  }

  protected tenantOf(job: Arrival): string {
    return job.tenant
  }

  next(): Arrival | undefined {
    const job = this.schedule.take()
    if (job === undefined) return undefined
    this.schedule.release(job.id)
    const arrival = this.#arrivals.get(job.id)
    this.#arrivals.delete(job.id)
    return arrival
  }
}

/** Ours without levels: `a/b` is a tenant like any other. */
export class Flat extends Fair {
  protected override tenantOf(job: Arrival): string {
    return job.tenant.replaceAll('/', '.')
  }
}

/** Ours with one share for all. */
export class Unweighted extends Fair {
  constructor() {
    super()
  }
}

/** First come, first served: what a queue does that knows no tenants. */
export class FirstCome implements Discipline {
  readonly #jobs: Arrival[] = []
  add(job: Arrival): void {
    this.#jobs.push(job)
  }
  next(): Arrival | undefined {
    return this.#jobs.shift()
  }
}

/** Plain round robin: one job each, whatever it costs. */
export class OneEach implements Discipline {
  readonly #lines = new Map<string, Arrival[]>()
  add(job: Arrival): void {
    this.#lines.set(job.tenant, [...(this.#lines.get(job.tenant) ?? []), job])
  }
  next(): Arrival | undefined {
    for (const [tenant, [first, ...rest]] of this.#lines) {
      this.#lines.delete(tenant)
      if (rest.length > 0) this.#lines.set(tenant, rest)
      return first
    }
    return undefined
  }
}
