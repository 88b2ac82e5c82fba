/** Matches absolute paths with the patterns of one list. */
import { compileGlob, type GlobMatcher } from '../../glob/index.js'
import type { PathPattern } from '../../options/index.js'

/**
 * The longest path that a user's regular expression is run on, in UTF-16 units. Longer ones match none: no path that the kernel
 * takes is longer, and the time of an expression that backtracks can double with each character.
 */
const MAX_REGEXP_UNITS = 4096

/** What begins at one folder. */
interface Place {
  /** The folder and everything below it. */
  covered: boolean
  /** Matched with what comes after the folder, from its slash on. */
  readonly globs: GlobMatcher[]
}

/**
 * The patterns of a list by the folder where they begin, so that a path costs one look-up for each of its segments however
 * long the list is. Only regular expressions are tried one by one.
 */
export class PathMatcher {
  readonly #places = new Map<string, Place>()
  readonly #ancestors = new Set<string>()
  readonly #regexps: RegExp[] = []

  /** @param withAncestors whether the folders on the way to an entry match too, each by itself and without what else is in it */
  constructor(patterns: Iterable<PathPattern>, { withAncestors }: { readonly withAncestors: boolean }) {
    for (const pattern of patterns) {
      if (pattern.kind === 'regexp') {
        this.#regexps.push(pattern.regexp)
        continue
      }
      const folder = pattern.kind === 'path' ? pattern.path : pattern.folder
      const place = this.#place(folder)
      if (pattern.kind === 'path') place.covered = true
      else place.globs.push(compileGlob(pattern.parts))
      if (withAncestors) this.#addAncestors(pattern.kind === 'path' ? parentOf(folder) : folder)
    }
  }

  /** @param path absolute and in normal form; anything else matches regular expressions at most */
  matches(path: string): boolean {
    if (path.startsWith('/') && (this.#ancestors.has(path) || this.#matchesPlace(path))) return true
    return path.length <= MAX_REGEXP_UNITS && this.#regexps.some((regexp) => regexp.test(path))
  }

  #matchesPlace(path: string): boolean {
    if (this.#matchesAt('/', path)) return true
    for (let slash = path.indexOf('/', 1); slash > 0; slash = path.indexOf('/', slash + 1)) {
      if (this.#matchesAt(path.slice(0, slash), path)) return true
    }
    return this.#matchesAt(path, path)
  }

  #matchesAt(folder: string, path: string): boolean {
    const place = this.#places.get(folder)
    if (place === undefined) return false
    if (place.covered) return true
    const rest = folder === '/' ? path : path.slice(folder.length)
    return place.globs.some((matches) => matches(rest))
  }

  #place(folder: string): Place {
    const known = this.#places.get(folder)
    if (known !== undefined) return known
    const place: Place = { covered: false, globs: [] }
    this.#places.set(folder, place)
    return place
  }

  #addAncestors(folder: string): void {
    for (let at = folder; !this.#ancestors.has(at); at = parentOf(at)) this.#ancestors.add(at)
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/'
}
