/** The tree of tenants that have jobs in the queue. */
import { DeficitRing, Turn } from './deficit-ring.js'
import { IndexedHeap } from './indexed-heap.js'
import type { Job } from './job.js'
import type { TenantRules } from './queue-rules.js'

/** One who shares what a tenant may have: a tenant below it, or the line of its own jobs. */
export type Sharer = TenantNode | JobLine

/** The jobs of one tenant itself, without those of tenants below it; beside these it has the weight 1. */
export class JobLine extends Turn {
  readonly owner: TenantNode
  /** The tenant, its parents, and the root. */
  readonly upward: readonly TenantNode[]
  readonly #jobs = new IndexedHeap<Job>((a, b) => a.isBefore(b))

  constructor(owner: TenantNode) {
    super(1)
    this.owner = owner
    const upward: TenantNode[] = []
    for (let node: TenantNode | null = owner; node !== null; node = node.parent) upward.push(node)
    this.upward = upward
  }

  get head(): Job | null {
    return this.#jobs.first ?? null
  }
  get queued(): number {
    return this.#jobs.size
  }
  get startable(): number {
    return this.#jobs.size
  }

  add(job: Job): void {
    this.#jobs.add(job)
  }
  remove(job: Job): void {
    this.#jobs.remove(job)
  }
  moved(job: Job): void {
    this.#jobs.moved(job)
  }
}

/** A tenant, or the root above all of them. Numbers count what is below too. */
export class TenantNode extends Turn {
  /** For example `acme/alice`; empty for the root. */
  readonly path: string
  readonly parent: TenantNode | null
  readonly rules: TenantRules
  readonly children = new Map<string, TenantNode>()
  /** Jobs that wait for their turn. */
  queued = 0
  /** Jobs whose turn has come and that wait for the capacity: 0 or 1. */
  held = 0
  running = 0
  #line: JobLine | null = null
  readonly #ring = new DeficitRing<Sharer>()
  /** What each sharer could start, as it was when it last told; only those in the ring. */
  readonly #startableOf = new Map<Sharer, number>()
  #startableBelow = 0

  constructor(path: string, rules: TenantRules, parent: TenantNode | null) {
    super(rules.weight)
    this.path = path
    this.rules = rules
    this.parent = parent
  }

  get waiting(): number {
    return this.queued + this.held
  }

  get line(): JobLine {
    return (this.#line ??= new JobLine(this))
  }

  /** How many of its queued jobs the caps let start now. */
  get startable(): number {
    return Math.max(0, Math.min(this.rules.maxRunning - this.running, this.#startableBelow))
  }

  /** The job that goes first when it is the tenant's turn; `null` when it has none or a cap is reached. */
  get head(): Job | null {
    return this.startable === 0 ? null : (this.#ring.next?.head ?? null)
  }

  /** Takes in what has changed below: call for each from a line up to the root. */
  settle(sharer: Sharer): void {
    const { head, startable } = sharer
    this.#startableBelow += startable - (this.#startableOf.get(sharer) ?? 0)
    if (head === null) {
      this.#startableOf.delete(sharer)
      this.#ring.withdraw(sharer, sharer.queued > 0)
    } else {
      this.#startableOf.set(sharer, startable)
      this.#ring.offer(sharer, head.cost)
    }
  }

  /** Makes a sharer pay for its head. */
  charge(sharer: Sharer, cost: number): void {
    this.#ring.charge(sharer, cost)
  }
}
