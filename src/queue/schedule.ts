/**
 * Which job starts next: deficit round robin down a tree of tenants, under caps and a capacity.
 *
 * - At each level the tenants below one parent share what the parent gets, by weight. A parent's own jobs share with its children
 *   as one more child of weight 1. Splitting into many names below one parent gains nothing beside other parents.
 * - A tenant at a cap (its own, or one of a parent) is passed over; nobody else waits for it.
 * - The job whose turn has come and whose units do not fit into the capacity is held: from then on nothing starts before it,
 *   whatever comes, not even what has no units. So it waits for jobs that run already and for no others, and starts when enough
 *   of these have ended; nobody starves. Until its turn has come, others overtake it only as far as their shares go. Its turn is
 *   paid for when it is held; when it is cancelled then, the turn is used up.
 *
 * Every operation takes O(depth × log n), memory is O(waiting + running). Pure data: no clock, no timers, no promises.
 */
import { InvalidOptionsError, InvalidStateError } from '../errors.js'
import { quoteText } from '../printable.js'
import { Job, rankOf, type JobRequest } from './job.js'
import { assertRoom } from './queue-bounds.js'
import type { QueueRules } from './queue-rules.js'
import { TenantNode, type JobLine, type Sharer } from './tenant-node.js'

/** Jobs of a tenant and of all below it. */
export interface QueueDepth {
  readonly waiting: number
  readonly running: number
}

/** The jobs of a queue, and the order in which they start. */
export class Schedule {
  readonly #rules: QueueRules
  readonly #root: TenantNode
  /** Waiting, the held one included. */
  readonly #waiting = new Map<string, Job>()
  readonly #running = new Map<string, Job>()
  #held: Job | null = null
  #usedUnits = 0
  #sequence = 0

  constructor(rules: QueueRules) {
    this.#rules = rules
    this.#root = new TenantNode('', rules.all, null)
  }

  get waiting(): number {
    return this.#waiting.size
  }
  get running(): number {
    return this.#running.size
  }

  /** @throws {QueueFullError} {@link InvalidOptionsError} when a job has the id already, or can never fit */
  add(request: JobRequest): Job {
    const { id, tenant, units, priority, enqueuedAtMs } = request
    this.assertNew(id)
    if (units > this.#rules.capacity) {
      throw new InvalidOptionsError(
        `A job of ${units} units never fits into the queue's capacity of ${this.#rules.capacity}: split it, or raise capacity`,
        { details: { units, capacity: this.#rules.capacity } },
      )
    }
    assertRoom(this.#root, tenant, this.#rules)
    const line = this.#nodeOf(tenant).line
    const rank = rankOf(priority, enqueuedAtMs, this.#rules.ageingMs)
    const job = new Job(request, line, rank, this.#sequence++)
    this.#waiting.set(id, job)
    line.add(job)
    for (const node of line.upward) node.queued++
    this.#settle(line)
    return job
  }

  /** @throws {InvalidOptionsError} when a job of that id waits or runs */
  assertNew(id: string): void {
    if (!this.#waiting.has(id) && !this.#running.has(id)) return
    throw new InvalidOptionsError(
      `A job with the id ${quoteText(id)} is in the queue already: give each job its own, or none`,
    )
  }

  isWaiting(id: string): boolean {
    return this.#waiting.has(id)
  }

  /** In no order. */
  jobs(): Iterable<Job> {
    return this.#waiting.values()
  }

  /**
   * How many of the waiting jobs the caps let start now; 0 while one is held. Call it only when a start is possible: the job whose
   * turn it is and that does not fit is held from then on.
   */
  ready(): number {
    if (this.#root.running >= this.#root.rules.maxRunning) return 0
    if (this.#held === null) {
      const head = this.#root.head
      if (head === null) return 0
      if (this.#fits(head)) return this.#root.startable
      this.#hold(head)
    }
    return this.#held !== null && this.#fits(this.#held) ? 1 : 0
  }

  /** Starts the job whose turn it is. It counts as running until `release`. */
  take(): Job | undefined {
    if (this.ready() === 0) return undefined
    const head = this.#held ?? this.#root.head
    if (head === null) return undefined
    if (this.#held === null) this.#hold(head)
    this.#held = null
    this.#waiting.delete(head.id)
    this.#running.set(head.id, head)
    this.#usedUnits += head.units
    for (const node of head.line.upward) {
      node.held--
      node.running++
    }
    this.#settle(head.line)
    return head
  }

  /** Tells that a job has ended. */
  release(id: string): void {
    const job = this.#running.get(id)
    if (job === undefined) return
    this.#running.delete(id)
    this.#usedUnits -= job.units
    for (const node of job.line.upward) node.running--
    this.#settle(job.line)
    prune(job.line.owner)
  }

  /** Takes a waiting job out. @returns whether it was waiting */
  remove(id: string): boolean {
    const job = this.#waiting.get(id)
    if (job === undefined) return false
    this.#waiting.delete(id)
    if (job === this.#held) {
      this.#held = null
      for (const node of job.line.upward) node.held--
    } else {
      job.line.remove(job)
      for (const node of job.line.upward) node.queued--
    }
    this.#settle(job.line)
    prune(job.line.owner)
    return true
  }

  /** Moves a waiting job among its tenant's own; how long it has waited still counts. @throws {InvalidStateError} */
  setPriority(id: string, priority: number): void {
    const job = this.#waiting.get(id)
    if (job === undefined) {
      throw new InvalidStateError(`No job with the id ${quoteText(id)} waits: it has started, has ended, or never was`)
    }
    job.priority = priority
    job.rank = rankOf(priority, job.enqueuedAtMs, this.#rules.ageingMs)
    if (job === this.#held) return
    job.line.moved(job)
    this.#settle(job.line)
  }

  depth(tenant: string): QueueDepth {
    let node: TenantNode | undefined = this.#root
    for (const name of tenant.split('/')) node = node?.children.get(name)
    return { waiting: node?.waiting ?? 0, running: node?.running ?? 0 }
  }

  /** The turn comes: the job leaves its line and its tenants pay, while it counts as waiting. */
  #hold(job: Job): void {
    let sharer: Sharer = job.line
    for (const node of job.line.upward) {
      node.charge(sharer, job.cost)
      node.queued--
      node.held++
      sharer = node
    }
    job.line.remove(job)
    this.#settle(job.line)
    this.#held = job
  }

  #fits(job: Job): boolean {
    return job.units <= this.#rules.capacity - this.#usedUnits
  }

  #settle(line: JobLine): void {
    let sharer: Sharer = line
    for (const node of line.upward) {
      node.settle(sharer)
      sharer = node
    }
  }

  #nodeOf(tenant: string): TenantNode {
    let node = this.#root
    for (const name of tenant.split('/')) {
      let child = node.children.get(name)
      if (child === undefined) {
        const path = node.path === '' ? name : `${node.path}/${name}`
        child = new TenantNode(path, this.#rules.tenants.get(path) ?? this.#rules.each, node)
        node.children.set(name, child)
      }
      node = child
    }
    return node
  }
}

/** Forgets tenants that have no job any more. */
function prune(owner: TenantNode): void {
  let node = owner
  while (node.parent !== null && node.waiting + node.running === 0) {
    node.parent.children.delete(node.path.slice(node.path.lastIndexOf('/') + 1))
    node = node.parent
  }
}
