/**
 * The grammar of globs in trace policies and of artifacts. A glob is read into parts here.
 *
 * `*` and `?` stay within a segment, `**` is a segment of its own and stands for any number of them, `[a-z]` and `[!a-z]` are one
 * character, `{a,b}` is one of several texts and may be nested. A backslash takes the next character as it is. Nothing else
 * is special: no negated patterns, no ranges in braces, no extended globs.
 */

/** Characters of a class: code points from and to, both included. */
export type GlobRange = readonly [from: number, to: number]

/** One part of a glob. */
export type GlobPart =
  | { readonly kind: 'text'; readonly text: string }
  /** `?` */
  | { readonly kind: 'one' }
  /** `*` */
  | { readonly kind: 'star' }
  /** `**`: any number of segments, with the slash that follows; the last one of a glob has none and stands for all that is below. */
  | { readonly kind: 'segments'; readonly last: boolean }
  | { readonly kind: 'class'; readonly negated: boolean; readonly ranges: readonly GlobRange[] }
  | { readonly kind: 'choice'; readonly branches: readonly (readonly GlobPart[])[] }

/** Why a text is no glob. */
export class GlobProblem extends Error {}

/**
 * Reads a glob. One without special characters is a single text.
 * @throws {GlobProblem} with a reason for the user
 */
export function parseGlob(glob: string): readonly GlobPart[] {
  const reader = new GlobReader(glob)
  return reader.sequence(0)
}

/** The text of a path as a glob that matches nothing else. */
export function escapeGlob(path: string): string {
  return path.replaceAll(/[\\*?[\]{},]/g, '\\$&')
}

class GlobReader {
  readonly #glob: string
  #at = 0

  constructor(glob: string) {
    this.#glob = glob
  }

  /** Up to the end, or inside braces to the comma or brace that ends a branch. */
  sequence(depth: number): readonly GlobPart[] {
    const parts: GlobPart[] = []
    let text = ''
    const add = (part: GlobPart): void => {
      if (text !== '') parts.push(Object.freeze({ kind: 'text', text }))
      text = ''
      parts.push(Object.freeze(part))
    }
    for (let next = this.#peek(); next !== undefined; next = this.#peek()) {
      if (depth > 0 && (next === ',' || next === '}')) break
      this.#at += next.length
      if (next === '\\') text += this.#escaped()
      else if (next === '?') add({ kind: 'one' })
      else if (next === '*') add(this.#star(depth))
      else if (next === '[') add(this.#class())
      else if (next === '{') add(this.#choice(depth + 1))
      else if (next === ']' || next === '}') throw unbalanced(next)
      else text += next
    }
    if (text !== '') parts.push(Object.freeze({ kind: 'text', text }))
    return Object.freeze(parts)
  }

  #peek(): string | undefined {
    const code = this.#glob.codePointAt(this.#at)
    return code === undefined ? undefined : String.fromCodePoint(code)
  }

  #take(): string {
    const next = this.#peek()
    if (next === undefined) throw unbalanced('[')
    this.#at += next.length
    return next
  }

  #escaped(): string {
    const next = this.#peek()
    if (next === undefined) throw new GlobProblem('it ends in a backslash, which takes the character after it as it is')
    if (next === '/') throw new GlobProblem('a slash needs no backslash')
    this.#at += next.length
    return next
  }

  #star(depth: number): GlobPart {
    if (this.#peek() !== '*') return { kind: 'star' }
    const before = this.#glob[this.#at - 2]
    this.#at += 1
    const after = this.#glob[this.#at]
    if (depth > 0) throw new GlobProblem("'**' stands outside of braces: write one pattern for each alternative")
    if (before !== '/' || (after !== '/' && after !== undefined))
      throw new GlobProblem("'**' is a segment of its own, as in /a/**/b; within a segment write '*'")
    if (after === '/') this.#at += 1
    return { kind: 'segments', last: after === undefined }
  }

  #class(): GlobPart {
    const negated = this.#peek() === '!' || this.#peek() === '^'
    if (negated) this.#at += 1
    const ranges: GlobRange[] = []
    for (let next = this.#take(); next !== ']'; next = this.#take()) {
      const from = this.#member(next)
      const isRange = this.#peek() === '-' && this.#glob[this.#at + 1] !== ']'
      if (isRange) this.#at += 1
      const to = isRange ? this.#member(this.#take()) : from
      if (to < from) throw new GlobProblem(`the range in [${String.fromCodePoint(from, 45, to)}] runs backwards`)
      ranges.push(Object.freeze([from, to] as const))
    }
    if (ranges.length === 0) throw new GlobProblem("'[]' matches nothing; write a literal bracket with a backslash")
    return { kind: 'class', negated, ranges: Object.freeze(ranges) }
  }

  #member(character: string): number {
    if (character === '/') throw new GlobProblem('a class is one character of a name and never a slash')
    if (character === '[')
      throw new GlobProblem("inside of [...] write '[' with a backslash; names of classes are not known")
    return (character === '\\' ? this.#escaped() : character).codePointAt(0) ?? 0
  }

  #choice(depth: number): GlobPart {
    const branches: (readonly GlobPart[])[] = []
    const start = this.#at
    for (;;) {
      branches.push(this.sequence(depth))
      const end = this.#peek()
      if (end === undefined) throw unbalanced('{')
      this.#at += 1
      if (end === '}') break
    }
    if (branches.length === 1) {
      const isRange = /^[^{}/]*\.\.[^{}/]*\}/.test(this.#glob.slice(start))
      throw new GlobProblem(
        isRange
          ? 'braces list alternatives, as in {1,2,3}; ranges are not known'
          : 'braces need two alternatives or more, as in {a,b}; write a literal brace with a backslash',
      )
    }
    return { kind: 'choice', branches: Object.freeze(branches) }
  }
}

function unbalanced(character: string): GlobProblem {
  return new GlobProblem(`'${character}' has no counterpart; write a literal one with a backslash`)
}
