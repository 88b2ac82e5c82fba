import type { HeapItem } from './indexed-heap.js'
import type { JobLine } from './tenant-node.js'

/** What p-queue starts. */
export type RunFunction = () => Promise<unknown>

/** What a caller says of a job, checked. */
export interface JobRequest {
  readonly id: string
  readonly tenant: string
  readonly cost: number
  readonly priority: number
  readonly units: number
  /** Monotonic, in milliseconds. */
  readonly enqueuedAtMs: number
  readonly run: RunFunction
}

/** A job in the queue. */
export class Job implements JobRequest, HeapItem {
  readonly id: string
  readonly tenant: string
  readonly cost: number
  readonly units: number
  readonly enqueuedAtMs: number
  readonly run: RunFunction
  priority: number
  heapIndex = -1

  /**
   * @param rank less goes first in its line
   * @param sequence counts up; the first of equals goes first
   */
  constructor(
    request: JobRequest,
    readonly line: JobLine,
    public rank: number,
    readonly sequence: number,
  ) {
    // One by one: copying by spread takes longer than all the rest of taking a job in.
    this.id = request.id
    this.tenant = request.tenant
    this.cost = request.cost
    this.units = request.units
    this.enqueuedAtMs = request.enqueuedAtMs
    this.run = request.run
    this.priority = request.priority
  }

  /** Whether it goes before another of the same line. */
  isBefore(other: Job): boolean {
    return this.rank === other.rank ? this.sequence < other.sequence : this.rank < other.rank
  }
}

/**
 * A job's rank among its tenant's own. Waiting counts continuously: `ageingMs` as much as one of `priority`. Both sides of a
 * comparison age alike, so the rank needs no clock: it is when the job would have come had its priority been 0.
 */
export function rankOf(priority: number, enqueuedAtMs: number, ageingMs: number | null): number {
  return ageingMs === null ? -priority : enqueuedAtMs - priority * ageingMs
}
