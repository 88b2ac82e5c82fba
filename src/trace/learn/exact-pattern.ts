/**
 * Patterns for one path or address and nothing else.
 *
 * In a policy a plain path stands for all that is below it too. A glob stands for exactly what it matches, so the first
 * character of the name is written as a class of one: `/etc/[p]asswd`. That holds for folders and files alike, as a guest can
 * put a folder where a file was. Globs are found by their folder and told apart by their end, so that a long list of them stays
 * cheap to judge; regular expressions do not.
 */
import { InvalidStateError } from '../../errors.js'
import { escapeGlob } from '../../glob/index.js'
import { printableName } from '../printable-name.js'

/** A pattern as JSON: a glob, an address, a set, or a regular expression. */
export type LearnedPattern = string | { readonly regexp: string }

/** Longest pattern that a policy takes, in bytes. */
const MAX_PATTERN_BYTES = 4096

/** @throws {InvalidStateError} when the path is so long that no pattern can hold it */
export function exactPath(path: string): LearnedPattern {
  const [, folder, first, rest] = /^(\/(?:[^]*\/)?)([^/])([^/]*)$/u.exec(path) ?? []
  if (folder === undefined || first === undefined || rest === undefined) return exactText(path)
  const member = /[\\[\]!^-]/.test(first) ? `\\${first}` : first
  return checked(`${escapeGlob(folder)}[${member}]${escapeGlob(rest)}`)
}

/** @param address as in events: `10.0.0.1:80`, `[::1]:80`, `unix:/run/x`, `unix:@abstract` */
export function exactAddress(address: string): LearnedPattern {
  if (address.startsWith('unix:/')) {
    const pattern = exactPath(address.slice('unix:'.length))
    return typeof pattern === 'string' ? checked(`unix:${pattern}`) : exactText(address)
  }
  if (/^unix:@[^\0]+$/u.test(address)) return checked(address)
  // Port 0 lets the kernel choose, which a pattern for a port cannot say; a zone is no part of an address there.
  return /^(?:[\d.]+|\[[\da-f:.]+\]):[1-9]\d*$/.test(address) ? checked(address) : exactText(address)
}

function exactText(text: string): LearnedPattern {
  const source = text
    .replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
    .replaceAll('\0', '\\x00')
    .replaceAll('\n', '\\n')
  checked(source)
  return { regexp: `^${source}$` }
}

function checked(pattern: string): string {
  // A lone surrogate stands for one byte and would be counted as three: too strict by what no ordinary name has.
  if (Buffer.byteLength(pattern) + 2 <= MAX_PATTERN_BYTES) return pattern
  throw new InvalidStateError(`no pattern of a policy is long enough for ${printableName(pattern, 100)}`)
}
