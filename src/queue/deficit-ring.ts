/**
 * Deficit round robin among those who share one parent.
 *
 * Source: M. Shreedhar, G. Varghese, "Efficient Fair Queueing Using Deficit Round Robin", SIGCOMM 1995 (IEEE/ACM Transactions
 * on Networking 4(3), 1996). In each round everyone who has a job waiting is credited a quantum times its weight; who has the
 * cost of its next job goes, and pays it; what is left is kept for the next round (the deficit), unless nothing waits any more.
 *
 * The paper walks from one to the next and needs a quantum as large as the largest cost to do so in constant time. Here the
 * round in which a turn comes due is computed (`creditedRound + ceil((cost - deficit) / (quantum × weight))`) and a heap holds who
 * is due first: a job that costs 1,000,000 takes one step like any other, and the quantum can be small, so that turns of tenants
 * with much weight lie between those of others instead of in one burst. Within a round, who was served longest ago goes first.
 *
 * Bound: at the beginning of a round's turns a deficit is below the largest cost `max` plus one credit, and never negative
 * (the paper's lemmas 1 and 2). What i was served between two moments is its credits plus the difference of its deficits, so that
 * for any two who have jobs waiting all the time, with weights wᵢ and wⱼ,
 *
 *     | servedᵢ / wᵢ − servedⱼ / wⱼ |  ≤  2 × quantum + max / wᵢ + max / wⱼ
 *
 * The paper's theorem has one quantum there instead of two, because its ring keeps one order; its quantum is at least `max`.
 */
import { IndexedHeap, type HeapItem } from './indexed-heap.js'

/** Credit in a round per unit of weight; a job of the usual size costs 1. A power of two, so that adding it up is exact. */
export const QUANTUM = 1 / 16

/** Rounds are counted from 0 again beyond this, long before they lose precision as numbers. */
const MAX_ROUND = 2 ** 44

/** One who shares: its weight, and where it stands in the ring of its parent. */
export class Turn implements HeapItem {
  heapIndex = -1
  /** Credit that is left, as of `creditedRound`. */
  deficit = 0
  creditedRound = 0
  /** The round in which the deficit covers the next job. */
  dueRound = 0
  /** When it was last served or joined, in steps of the ring. */
  servedAt = 0
  /** Whether the deficit counts: it has jobs waiting. */
  isMember = false

  constructor(readonly weight: number) {}
}

/** The turns of all who share one parent. */
export class DeficitRing<T extends Turn> {
  #round = 0
  #steps = 0
  readonly #due = new IndexedHeap<T>((a, b) =>
    a.dueRound === b.dueRound ? a.servedAt < b.servedAt : a.dueRound < b.dueRound,
  )

  /** Whose turn it is; `undefined` when nobody can go. */
  get next(): T | undefined {
    return this.#due.first
  }

  /** Lets a turn take part whose next job costs `cost`, or tells that the cost is another one now. */
  offer(turn: T, cost: number): void {
    const isBack = turn.heapIndex === -1
    if (isBack && turn.isMember) this.#readmit(turn, cost)
    if (!turn.isMember) this.#join(turn)
    const missing = Math.max(0, cost - turn.deficit)
    const due = turn.creditedRound + Math.ceil(missing / (QUANTUM * turn.weight))
    turn.dueRound = Math.max(this.#round, due)
    if (isBack) this.#due.add(turn)
    else this.#due.moved(turn)
  }

  /**
   * Takes a turn out. One with jobs that only a cap holds back is credited on, up to the cost of its next job; one with no jobs
   * loses its deficit, so that nobody saves up credit.
   */
  withdraw(turn: T, hasJobs: boolean): void {
    if (turn.heapIndex !== -1) this.#due.remove(turn)
    turn.isMember &&= hasJobs
  }

  /** Makes a turn pay for the job that it was due for. Tell the ring by `offer` or `withdraw` what comes after. */
  charge(turn: T, cost: number): void {
    this.#round = Math.max(this.#round, turn.dueRound)
    turn.deficit = Math.max(0, this.#deficit(turn) - cost)
    turn.creditedRound = this.#round
    turn.servedAt = ++this.#steps
    if (this.#round > MAX_ROUND) this.#restart()
  }

  /** One with no deficit is credited from the next round on, so that leaving and coming back gains no second turn in a round. */
  #join(turn: T): void {
    turn.isMember = true
    turn.deficit = 0
    turn.creditedRound = this.#round
    turn.servedAt = ++this.#steps
  }

  #readmit(turn: T, cost: number): void {
    // Rounds may have been counted from 0 again in between.
    turn.creditedRound = Math.min(turn.creditedRound, this.#round)
    turn.deficit = Math.min(this.#deficit(turn), cost)
    turn.creditedRound = this.#round
  }

  #deficit(turn: T): number {
    return turn.deficit + (this.#round - turn.creditedRound) * QUANTUM * turn.weight
  }

  /** Order and differences stay as they are. */
  #restart(): void {
    for (const turn of this.#due.values()) {
      turn.creditedRound -= this.#round
      turn.dueRound -= this.#round
    }
    this.#round = 0
  }
}
