/**
 * Follows a glob through a text, in time proportional to the length of the text times that of the glob, whatever they hold.
 *
 * Theory of operation. The paths come from the guest, and one that a backtracking matcher takes minutes for stops the host: the
 * regular expression that picomatch makes of `/*a*b*a*c` took 216 s for one path of 4,080 characters. So all positions in the
 * glob that fit are followed at once (K. Thompson, "Regular Expression Search Algorithm", CACM 11(6), 1968).
 */
import type { GlobPart, GlobRange } from './parse-glob.js'

/** What a state takes: nothing, one code point, or those for which a function says so. */
type Takes = null | number | ((code: number) => boolean)

interface State {
  readonly takes: Takes
  /** Where to go on: at once when nothing is taken, else after that. */
  readonly next: number[]
}

const SLASH = 47

/** How far a glob has come in a text. */
export interface GlobPosition {
  /** The text up to here is what the glob stands for. */
  readonly ended: boolean
  /** States that wait for a character. None: nothing that begins with the text up to here can match any more. */
  readonly waiting: readonly number[]
}

const NOWHERE: GlobPosition = { ended: false, waiting: [] }

/** One glob, ready to be followed through any number of texts. */
export class GlobAutomaton {
  /** Before the first character. */
  readonly start: GlobPosition
  readonly #states: readonly State[]

  constructor(parts: readonly GlobPart[]) {
    this.#states = new Builder().build(parts)
    this.start = this.#enter([0], new Int32Array(this.#states.length).fill(-1), 0)
  }

  /** Goes on from a position of this glob. @returns the one after `text` */
  advance(from: GlobPosition, text: string): GlobPosition {
    // The step in which a state was entered last, so that it is entered once in each.
    const entered = new Int32Array(this.#states.length).fill(-1)
    let step = 0
    let position = from
    for (const character of text) {
      const code = character.codePointAt(0) ?? 0
      const reached: number[] = []
      for (const id of position.waiting) {
        const state = this.#states[id]
        if (state !== undefined && takesCode(state.takes, code)) reached.push(...state.next)
      }
      if (reached.length === 0) return NOWHERE
      position = this.#enter(reached, entered, step)
      step += 1
    }
    return position
  }

  /** Follows what takes no character. */
  #enter(from: readonly number[], entered: Int32Array, step: number): GlobPosition {
    const waiting: number[] = []
    const open = [...from]
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      const state = this.#states[id]
      if (state === undefined || entered[id] === step) continue
      entered[id] = step
      if (state.takes === null) open.push(...state.next)
      else waiting.push(id)
    }
    return { ended: entered[this.#states.length - 1] === step, waiting }
  }
}

/** State 0 is the start, the last one the end. Each method goes on from one state and returns the one in which its part ends. */
class Builder {
  readonly #states: State[] = []

  build(parts: readonly GlobPart[]): readonly State[] {
    this.#add(null, [])
    this.#add(null, [this.#sequence(parts, 0)])
    return this.#states
  }

  #sequence(parts: readonly GlobPart[], from: number): number {
    return parts.reduce((at, part) => this.#part(part, at), from)
  }

  #part(part: GlobPart, from: number): number {
    switch (part.kind) {
      case 'text':
        return Array.from(part.text).reduce((at, character) => this.#add(character.codePointAt(0) ?? 0, [at]), from)
      case 'one':
        return this.#add(isInName, [from])
      case 'class':
        return this.#add((code) => code !== SLASH && isIn(code, part.ranges) !== part.negated, [from])
      case 'star':
        return this.#repeat(isInName, from)
      case 'segments': {
        const any = this.#repeat(() => true, from)
        // Either nothing, or whatever ends in a slash.
        return part.last ? any : this.#add(null, [from, this.#add(SLASH, [any])])
      }
      case 'choice':
        return this.#add(
          null,
          part.branches.map((branch) => this.#sequence(branch, this.#add(null, [from]))),
        )
    }
  }

  #repeat(takes: Takes, from: number): number {
    const loop = this.#add(null, [from])
    const taking = this.#add(takes, [loop])
    this.#states[taking]?.next.push(loop)
    return loop
  }

  /** Adds a state to which the states `from` lead. */
  #add(takes: Takes, from: readonly number[]): number {
    const id = this.#states.push({ takes, next: [] }) - 1
    for (const before of from) this.#states[before]?.next.push(id)
    return id
  }
}

function takesCode(takes: Takes, code: number): boolean {
  return typeof takes === 'function' ? takes(code) : takes === code
}

function isInName(code: number): boolean {
  return code !== SLASH
}

function isIn(code: number, ranges: readonly GlobRange[]): boolean {
  return ranges.some(([from, to]) => code >= from && code <= to)
}
