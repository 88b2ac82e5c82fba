/**
 * The `.sandboxignore` file of a home, with the rules of `.dockerignore`: one pattern per line, relative to the home; `#`
 * starts a comment; `*`, `?`, `[a-z]` and `\` as in Go's filepath.Match; `**` for any number of folders; a pattern that
 * matches a folder matches all in it; `!` takes back; the last pattern that matches decides.
 *
 * Patterns are matched without regular expressions: a home may come from somebody hostile, and the time here is at most
 * proportional to pattern × name.
 *
 * Source: https://docs.docker.com/build/concepts/context/#syntax and moby/patternmatcher.
 */
import { posix } from 'node:path'
import { HomeError } from '../errors.js'

/** The file at the root of a home that lists what is left out, in the form of `.dockerignore`. */
export const IGNORE_FILE = '.sandboxignore'

/** More patterns than anyone writes by hand, few enough to be tried on each of 200,000 names. */
const MAX_PATTERNS = 1_000

interface Pattern {
  readonly negated: boolean
  /** `null` stands for `**`. */
  readonly segments: readonly (readonly GlobToken[] | null)[]
}

type GlobToken =
  | string
  | { readonly any: 'character' | 'characters' }
  | { readonly ranges: readonly Range[]; readonly negated: boolean }
type Range = readonly [from: string, to: string]

/** The patterns of one ignore file. */
export interface HomeIgnore {
  /** @param path Relative to the home, parts separated by `/`. */
  ignores(path: string): boolean
  /** Whether a pattern with `!` can take back something inside the folder `path`. */
  mayTakeBackBelow(path: string): boolean
}

/** @throws {HomeError} when there are more than 1,000 patterns. */
export function parseHomeIgnore(text: string): HomeIgnore {
  const patterns = text
    .replace(/^\u{feff}/u, '')
    .split(/\r?\n/)
    .filter((line) => !line.startsWith('#'))
    .flatMap((line) => parsePattern(line.trim()))
  if (patterns.length > MAX_PATTERNS) {
    throw new HomeError(`${IGNORE_FILE} has ${patterns.length} patterns; allowed are ${MAX_PATTERNS}.`)
  }
  const exceptions = patterns.filter(({ negated }) => negated)
  return {
    ignores: (path) => {
      const names = path.split('/')
      return patterns.reduce(
        (ignored, pattern) => (advance(pattern, names).matched ? !pattern.negated : ignored),
        false,
      )
    },
    mayTakeBackBelow: (path) => {
      const names = path.split('/')
      return exceptions.some((pattern) => {
        const { matched, open } = advance(pattern, names)
        return matched || open
      })
    },
  }
}

function parsePattern(line: string): Pattern[] {
  const negated = line.startsWith('!')
  const cleaned = posix.normalize((negated ? line.slice(1) : line).trim()).replace(/^\/+|\/+$/g, '')
  if (cleaned === '' || cleaned === '.') return []
  return [{ negated, segments: cleaned.split('/').map((segment) => (segment === '**' ? null : parseGlob(segment))) }]
}

/**
 * Walks all positions that a pattern can be at after each name.
 *
 * @returns `matched`: it matches the path or a folder above it. `open`: it can still match something below the path.
 */
function advance(pattern: Pattern, names: readonly string[]): { matched: boolean; open: boolean } {
  const last = pattern.segments.length
  let positions = skipWildcards(pattern, new Set([0]))
  for (const name of names) {
    const next = new Set<number>()
    for (const position of positions) {
      const segment = pattern.segments[position]
      if (segment === null) next.add(position + 1 === last ? last : position)
      else if (segment !== undefined && matchGlob(segment, name)) next.add(position + 1)
    }
    if (next.has(last)) return { matched: true, open: true }
    positions = skipWildcards(pattern, next)
    if (positions.size === 0) return { matched: false, open: false }
  }
  return { matched: false, open: true }
}

/** A `**` that is not the last part also stands for no folder at all. */
function skipWildcards(pattern: Pattern, positions: Set<number>): Set<number> {
  for (const position of positions) {
    if (pattern.segments[position] === null && position + 1 < pattern.segments.length) positions.add(position + 1)
  }
  return positions
}

function parseGlob(segment: string): GlobToken[] {
  const characters = [...segment]
  const tokens: GlobToken[] = []
  for (let at = 0; at < characters.length; at += 1) {
    const character = characters[at] as string
    if (character === '*') tokens.push({ any: 'characters' })
    else if (character === '?') tokens.push({ any: 'character' })
    else if (character === '\\' && at + 1 < characters.length) tokens.push(characters[++at] as string)
    else if (character === '[' && characters.indexOf(']', at + 2) !== -1) {
      const end = characters.indexOf(']', at + 2)
      tokens.push(parseClass(characters.slice(at + 1, end)))
      at = end
    } else tokens.push(character)
  }
  return tokens
}

function parseClass(content: readonly string[]): GlobToken {
  const negated = content[0] === '^'
  const characters = negated ? content.slice(1) : content
  const ranges: Range[] = []
  for (let at = 0; at < characters.length; at += 1) {
    const from = characters[at] as string
    const to = characters[at + 1] === '-' ? characters[at + 2] : undefined
    ranges.push([from, to ?? from])
    if (to !== undefined) at += 2
  }
  return { ranges, negated }
}

/** Greedy, going back to the last `*` only, which is enough for globs and takes at most pattern × name steps. */
function matchGlob(tokens: readonly GlobToken[], name: string): boolean {
  const characters = [...name]
  let [token, at, star, retry] = [0, 0, -1, 0]
  while (at < characters.length) {
    const current = tokens[token]
    if (typeof current === 'object' && 'any' in current && current.any === 'characters') {
      star = token++
      retry = at
    } else if (current !== undefined && matchToken(current, characters[at] as string)) {
      token += 1
      at += 1
    } else if (star !== -1) {
      token = star + 1
      at = ++retry
    } else return false
  }
  return tokens.slice(token).every((rest) => typeof rest === 'object' && 'any' in rest && rest.any === 'characters')
}

function matchToken(token: GlobToken, character: string): boolean {
  if (typeof token === 'string') return token === character
  if ('any' in token) return token.any === 'character'
  return token.ranges.some(([from, to]) => character >= from && character <= to) !== token.negated
}
