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
export interface Job extends JobRequest, HeapItem {
  priority: number
  /** Less goes first in its line. */
  rank: number
  /** Counts up; the first of equals goes first. */
  readonly sequence: number
  readonly line: JobLine
}

/**
 * A job's rank among its tenant's own. Waiting counts continuously: `ageingMs` as much as one of `priority`. Both sides of a
 * comparison age alike, so the rank needs no clock: it is when the job would have come had its priority been 0.
 */
export function rankOf(priority: number, enqueuedAtMs: number, ageingMs: number | null): number {
  return ageingMs === null ? -priority : enqueuedAtMs - priority * ageingMs
}
