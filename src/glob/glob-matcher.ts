import { GlobAutomaton } from './glob-automaton.js'
import type { GlobPart } from './parse-glob.js'

/** Whether a whole text is what a glob stands for. */
export type GlobMatcher = (text: string) => boolean

const compiled = new WeakMap<readonly GlobPart[], GlobMatcher>()

/** Builds a matcher from the parts of a glob, once for the same parts and when it is needed first. */
export function compileGlob(parts: readonly GlobPart[]): GlobMatcher {
  const known = compiled.get(parts)
  if (known !== undefined) return known
  const last = parts.at(-1)
  const suffix = last?.kind === 'text' ? last.text : ''
  let automaton: GlobAutomaton | null = null
  const matcher = (text: string): boolean => {
    // Most texts are told by their end.
    if (!text.endsWith(suffix)) return false
    automaton ??= new GlobAutomaton(parts)
    return automaton.advance(automaton.start, text).ended
  }
  compiled.set(parts, matcher)
  return matcher
}
