/** Patterns for files in trace policies: paths, globs, regular expressions and ready-made sets. */
import { isRegExp } from 'node:util/types'
import { group } from './option.js'
import { GlobProblem, parseGlob, type GlobPart } from '../glob/index.js'
import { traceSets, unknownSetHint, type TracePathList, type TraceSetName } from './trace-sets.js'

/** A regular expression as JSON can carry it. */
export interface RegExpText {
  readonly regexp: string
  readonly flags?: string | undefined
}

/** What a caller gives as one entry of a list. */
export type TracePattern = string | RegExp | RegExpText

/** A pattern that names files, checked and taken apart. */
export type PathPattern =
  /** The path itself and all that is below it. */
  | { readonly kind: 'path'; readonly path: string }
  /** What lies below `folder` and matches, with all that follows the folder from its slash on. `/` has no slash of its own. */
  | { readonly kind: 'glob'; readonly folder: string; readonly parts: readonly GlobPart[] }
  | { readonly kind: 'regexp'; readonly regexp: RegExp }

/** An entry of `read`, `write` or `exec`. */
export type ResolvedPathPattern = PathPattern | { readonly kind: 'set'; readonly set: TraceSetName }

/** Why an entry is refused: a reason for the user. */
export class PatternProblem extends Error {}

/** Longest text of a pattern. Source: `PATH_MAX` (limits.h); nothing longer can name a file. */
const MAX_PATTERN_BYTES = 4096

/** A byte of a name that is no UTF-8, as traces tell it (`surrogateescape` of Python). */
const RAW_BYTE = /[\udc80-\udcff]/gu

/** @throws {PatternProblem} */
export function parsePathEntry(entry: unknown, list: TracePathList): readonly ResolvedPathPattern[] {
  if (typeof entry === 'string' && entry.startsWith('@')) {
    const sets = traceSets(entry, list)
    if (sets.length === 0) throw new PatternProblem(unknownSetHint(entry))
    return sets.map((set) => Object.freeze({ kind: 'set', set }))
  }
  return [parseRegExp(entry) ?? parsePath(assertText(entry))]
}

/** @returns a pattern for a text that stands for files @throws {PatternProblem} */
export function parsePath(text: string): PathPattern {
  if (text.startsWith('!')) throw new PatternProblem('a list names what is allowed: patterns are never negated')
  if (!text.startsWith('/')) throw new PatternProblem('it is relative: start it with a slash')
  const parts = parseParts(text.length > 1 ? text.replace(/\/$/, '') : text)
  assertSegments(parts, true)
  const [first] = parts
  if (first?.kind !== 'text') throw new PatternProblem('it matches no absolute path')
  if (parts.length === 1) return Object.freeze({ kind: 'path', path: first.text })
  const slash = first.text.lastIndexOf('/')
  const below: GlobPart = Object.freeze({ kind: 'text', text: first.text.slice(slash) })
  const folder = first.text.slice(0, slash) || '/'
  return Object.freeze({ kind: 'glob', folder, parts: Object.freeze([below, ...parts.slice(1)]) })
}

/** @returns `null` for what is no regular expression @throws {PatternProblem} */
export function parseRegExp(entry: unknown): PathPattern | null {
  const regexp = isRegExp(entry) ? new RegExp(entry) : isRegExpText(entry) ? compile(entry) : null
  if (regexp === null) return null
  assertSize(regexp.source)
  if (regexp.global || regexp.sticky)
    throw new PatternProblem("the flags 'g' and 'y' keep a state from one test to the next: leave them out")
  if (regexp.multiline)
    throw new PatternProblem("with the flag 'm', ^ and $ match at each newline, which names may contain: leave it out")
  return Object.freeze({ kind: 'regexp', regexp: Object.freeze(regexp) })
}

/** @returns the entry as a text that the kernel could take @throws {PatternProblem} */
export function assertText(entry: unknown): string {
  if (typeof entry !== 'string') throw new PatternProblem('it is neither a text nor a regular expression')
  if (entry === '') throw new PatternProblem('it is empty')
  if (entry.includes('\0')) throw new PatternProblem('a NUL byte ends a text in the kernel')
  if (/\p{Surrogate}/u.test(entry.replaceAll(RAW_BYTE, '')))
    throw new PatternProblem('it holds half of a surrogate pair, which names no byte')
  assertSize(entry)
  return entry
}

function assertSize(text: string): void {
  const bytes = Buffer.byteLength(text.replaceAll(RAW_BYTE, 'x'))
  if (bytes > MAX_PATTERN_BYTES) throw new PatternProblem(`it has ${group(bytes)} bytes of at most 4,096`)
}

function parseParts(text: string): readonly GlobPart[] {
  try {
    return parseGlob(text)
  } catch (error) {
    throw error instanceof GlobProblem ? new PatternProblem(error.message) : error
  }
}

/** Paths are judged in normal form, so a pattern with `.`, `..` or an empty segment would match nothing. */
function assertSegments(parts: readonly GlobPart[], isWhole: boolean): void {
  for (const [index, part] of parts.entries()) {
    if (part.kind === 'choice') for (const branch of part.branches) assertSegments(branch, false)
    if (part.kind !== 'text' || part.text === '/') continue
    const names = part.text.split('/')
    // What comes before the first slash and after the last one may go on in the neighbouring parts.
    const start = parts[index - 1]?.kind === 'segments' ? 0 : 1
    const complete = names.slice(start, isWhole && index === parts.length - 1 ? names.length : -1)
    if (complete.includes('')) throw new PatternProblem('a segment in it is empty: write single slashes')
    const dots = complete.find((name) => name === '.' || name === '..')
    if (dots !== undefined) throw new PatternProblem(`write it without '${dots}': paths are judged after resolution`)
  }
}

function isRegExpText(entry: unknown): entry is RegExpText {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return false
  const unknown = Object.keys(entry).find((key) => key !== 'regexp' && key !== 'flags')
  if (unknown !== undefined || !('regexp' in entry) || typeof entry.regexp !== 'string')
    throw new PatternProblem("an object in a list has the keys 'regexp' and 'flags', both texts, and no others")
  const flags = 'flags' in entry ? entry.flags : undefined
  if (flags !== undefined && typeof flags !== 'string') throw new PatternProblem("'flags' is a text such as 'i'")
  return true
}

function compile({ regexp, flags }: RegExpText): RegExp {
  if (regexp === '') throw new PatternProblem('the regular expression is empty')
  try {
    return new RegExp(regexp, flags)
  } catch (error) {
    throw new PatternProblem(`it is no regular expression: ${error instanceof Error ? error.message : String(error)}`)
  }
}
