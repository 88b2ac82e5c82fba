/** The branches of a trie: an open-addressing hash table from (state, byte) to state, in two typed arrays. */

/** Knuth's multiplicative hashing (TAOCP 3, 6.4): 2³² divided by the golden ratio. */
const GOLDEN = 0x9e3779b1

/** Holds at most the number of edges that it was made for. */
export class EdgeTable {
  readonly #parents: Int32Array
  readonly #targets: Int32Array
  readonly #labels: Uint8Array
  readonly #mask: number

  /**
   * @param edges - how many edges it will hold at most
   * @param labels - the byte that leads to each state; the caller's own array, read at every look-up
   */
  constructor(edges: number, labels: Uint8Array) {
    const slots = 1 << Math.ceil(Math.log2(Math.max(2, edges * 2)))
    this.#parents = new Int32Array(slots)
    this.#targets = new Int32Array(slots)
    this.#labels = labels
    this.#mask = slots - 1
  }

  /** @returns the state, or 0, which is the root and no target */
  get(parent: number, label: number): number {
    for (let slot = this.#slot(parent, label); ; slot = (slot + 1) & this.#mask) {
      const target = this.#targets[slot] as number
      if (target === 0) return 0
      if (this.#parents[slot] === parent && this.#labels[target] === label) return target
    }
  }

  /** Adds an edge that is not there. The label of `target` must be set before. */
  add(parent: number, target: number): void {
    let slot = this.#slot(parent, this.#labels[target] as number)
    while (this.#targets[slot] !== 0) slot = (slot + 1) & this.#mask
    this.#parents[slot] = parent
    this.#targets[slot] = target
  }

  /** Every edge, in no order. */
  *[Symbol.iterator](): Generator<readonly [parent: number, target: number]> {
    for (let slot = 0; slot <= this.#mask; slot += 1) {
      const target = this.#targets[slot] as number
      if (target !== 0) yield [this.#parents[slot] as number, target]
    }
  }

  #slot(parent: number, label: number): number {
    const hash = Math.imul(Math.imul(parent, GOLDEN) ^ (label + 1), GOLDEN)
    return (hash ^ (hash >>> 15)) & this.#mask
  }
}
