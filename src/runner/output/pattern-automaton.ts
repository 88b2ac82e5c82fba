/**
 * Finds many patterns at once in a stream of bytes, in time that is linear for any input.
 *
 * Theory of operation. The automaton of Aho and Corasick ("Efficient string matching: an aid to bibliographic search", CACM 18(6),
 * 1975) with failure links, so that a byte costs a constant number of steps on average whatever the bytes are. Nearly every state has
 * one child, which is the state with the next number: it costs 8 bytes. The few branches are in a hash table.
 *
 * Most text begins no pattern. From the root the search so first skips to where the next bytes are a hash of the first bytes of
 * any pattern (as the block table of Wu and Manber, "A fast algorithm for multi-pattern searching", TR-94-17, 1994).
 */
import { EdgeTable } from './edge-table.js'

/** The longest pattern in bytes: depths are kept in one byte each. */
export const MAX_PATTERN_BYTES = 255

/** Flags of a state: its child is the next number; it has children in the table. */
const CHAINED = 1
const BRANCHED = 2

const BLOCK_BYTES = 4
/** Slots of the block filter for each pattern: one in so many places is looked at in vain. */
const SLOTS_PER_PATTERN = 64
const MIN_FILTER_BITS = 14
const MAX_FILTER_BITS = 22
const GOLDEN = 0x9e3779b1

/** Where patterns were found: begins and ends by turns, ascending; what overlaps or touches is one. */
export type Runs = number[]

/** Patterns that can be searched for. It is not changed by a search, so many can use it. */
export class PatternAutomaton {
  readonly #labels: Uint8Array
  readonly #flags: Uint8Array
  readonly #depths: Uint8Array
  /** Length of the longest pattern that ends in a state; 0 when none does. */
  readonly #ends: Uint8Array
  readonly #fails: Int32Array
  readonly #root = new Int32Array(256)
  readonly #edges: EdgeTable
  readonly #filter: Int32Array
  readonly #filterShift: number
  readonly #blockBytes: number

  /** @param patterns - each of 1 to {@link MAX_PATTERN_BYTES} bytes; at least one */
  constructor(patterns: readonly Uint8Array[]) {
    const capacity = patterns.reduce((sum, { length }) => sum + length, 1)
    this.#labels = new Uint8Array(capacity + 1)
    this.#flags = new Uint8Array(capacity + 1)
    this.#depths = new Uint8Array(capacity + 1)
    this.#ends = new Uint8Array(capacity + 1)
    this.#edges = new EdgeTable(patterns.length, this.#labels)
    let states = 1
    for (const pattern of patterns) states = this.#insert(pattern, states)
    this.#fails = new Int32Array(states)
    this.#link(states)

    const shortest = patterns.reduce((least, { length }) => Math.min(least, length), BLOCK_BYTES)
    const bits = Math.ceil(Math.log2(patterns.length * SLOTS_PER_PATTERN))
    this.#blockBytes = shortest
    this.#filterShift = 32 - Math.min(MAX_FILTER_BITS, Math.max(MIN_FILTER_BITS, bits))
    this.#filter = new Int32Array(1 << (32 - this.#filterShift - 5))
    for (const pattern of patterns) this.#addBlock(pattern)
  }

  /** How many of the last bytes can be the beginning of a pattern, in a state that {@link scan} gave. */
  depth(state: number): number {
    return this.#depths[state] as number
  }

  /**
   * Searches `bytes` from `from` to their end.
   *
   * @param state - 0 in the beginning, else what the last call gave for the bytes before `from`
   * @param runs - what is found is added; may begin below 0 when a pattern began before `bytes`
   */
  scan(bytes: Uint8Array, from: number, state: number, runs: Runs): number {
    const { length } = bytes
    let current = state
    for (let at = from; at < length; at += 1) {
      if (current === 0) {
        at = this.#skip(bytes, at)
        if (at >= length) return 0
      }
      current = this.#step(current, bytes[at] as number)
      const found = this.#ends[current] as number
      if (found > 0) addRun(runs, at + 1 - found, at + 1)
    }
    return current
  }

  #step(from: number, byte: number): number {
    for (let state = from; state !== 0; state = this.#fails[state] as number) {
      const flags = this.#flags[state] as number
      if ((flags & CHAINED) !== 0 && this.#labels[state + 1] === byte) return state + 1
      if ((flags & BRANCHED) === 0) continue
      const target = this.#edges.get(state, byte)
      if (target !== 0) return target
    }
    return this.#root[byte] as number
  }

  /** @returns the first place at or after `from` where a pattern may begin; too near to the end to tell counts as such. */
  #skip(bytes: Uint8Array, from: number): number {
    const { length } = bytes
    const ahead = this.#blockBytes - 1
    const mask = blockMask(this.#blockBytes)
    const shift = this.#filterShift
    const filter = this.#filter
    let block = 0
    let next = from
    for (const primed = Math.min(length, from + ahead); next < primed; next += 1) {
      block = (block << 8) | (bytes[next] as number)
    }
    for (; next < length; next += 1) {
      block = (block << 8) | (bytes[next] as number)
      const slot = Math.imul(block & mask, GOLDEN) >>> shift
      if (((filter[slot >>> 5] as number) & (1 << slot)) !== 0) return next - ahead
    }
    return Math.max(from, length - ahead)
  }

  #addBlock(pattern: Uint8Array): void {
    let block = 0
    for (const byte of pattern.subarray(0, this.#blockBytes)) block = (block << 8) | byte
    const slot = Math.imul(block & blockMask(this.#blockBytes), GOLDEN) >>> this.#filterShift
    this.#filter[slot >>> 5] = (this.#filter[slot >>> 5] as number) | (1 << slot)
  }

  /** @returns the number of states, these included */
  #insert(pattern: Uint8Array, states: number): number {
    let state = 0
    let at = 0
    for (let next; at < pattern.length; at += 1, state = next) {
      next = this.#child(state, pattern[at] as number)
      if (next === 0) break
    }
    if (at < pattern.length) state = this.#addChain(state, pattern.subarray(at), states)
    this.#ends[state] = pattern.length
    return states + pattern.length - at
  }

  #child(state: number, byte: number): number {
    if (state === 0) return this.#root[byte] as number
    const flags = this.#flags[state] as number
    if ((flags & CHAINED) !== 0 && this.#labels[state + 1] === byte) return state + 1
    return (flags & BRANCHED) === 0 ? 0 : this.#edges.get(state, byte)
  }

  /** New states, one for each byte. @returns the last */
  #addChain(parent: number, bytes: Uint8Array, first: number): number {
    const depth = this.#depths[parent] as number
    this.#labels.set(bytes, first)
    for (let at = 0; at < bytes.length; at += 1) this.#depths[first + at] = depth + at + 1
    this.#flags.fill(CHAINED, first, first + bytes.length - 1)
    if (parent === 0) this.#root[bytes[0] as number] = first
    else if (first === parent + 1) this.#flags[parent] = CHAINED
    else {
      this.#flags[parent] = (this.#flags[parent] as number) | BRANCHED
      this.#edges.add(parent, first)
    }
    return first + bytes.length - 1
  }

  /** Failure links and ends, by depth: a state's link is less deep than the state. */
  #link(states: number): void {
    const parents = new Int32Array(states)
    for (let state = 0; state < states; state += 1) {
      if (((this.#flags[state] as number) & CHAINED) !== 0) parents[state + 1] = state
    }
    for (const [parent, target] of this.#edges) parents[target] = parent
    for (const state of this.#byDepth(states)) {
      const parent = parents[state] as number
      const link = parent === 0 ? 0 : this.#step(this.#fails[parent] as number, this.#labels[state] as number)
      this.#fails[state] = link
      if (this.#ends[state] === 0) this.#ends[state] = this.#ends[link] as number
    }
  }

  /** All states but the root, by counting sort. */
  #byDepth(states: number): Int32Array {
    const places = new Int32Array(MAX_PATTERN_BYTES + 2)
    for (let state = 1; state < states; state += 1) places[(this.#depths[state] as number) + 1]! += 1
    for (let depth = 1; depth < places.length; depth += 1) places[depth]! += places[depth - 1] as number
    const order = new Int32Array(states - 1)
    for (let state = 1; state < states; state += 1) order[places[this.#depths[state] as number]!++] = state
    return order
  }
}

function blockMask(bytes: number): number {
  return bytes === 4 ? -1 : (1 << (8 * bytes)) - 1
}

/** Adds a run that ends at or after all others. */
function addRun(runs: Runs, begin: number, end: number): void {
  let first = begin
  let { length } = runs
  while (length > 0 && (runs[length - 1] as number) >= first) {
    length -= 2
    first = Math.min(first, runs[length] as number)
  }
  runs[length] = first
  runs[length + 1] = end
  if (runs.length > length + 2) runs.length = length + 2
}
