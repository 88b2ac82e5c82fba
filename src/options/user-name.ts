import { textOption } from './option.js'

/**
 * Names that `useradd` of Debian takes (useradd(8), "CAVEATS"): a lower-case letter or `_`, then lower-case letters, digits,
 * `_` and `-`, 32 characters in all. Upper case and dots are refused: a name becomes part of an image's name, which has
 * no upper case, and no two names may differ by case alone.
 */
const USER_NAME_PATTERN = /^[a-z_][a-z0-9_-]{0,31}$/

const ALLOWED = "1 to 32 of a-z, 0-9, '_' and '-', the first a letter or '_'"

/** The name of a sandbox user. */
export function userNameOption() {
  return textOption({ type: 'user name', allowed: ALLOWED }, userNameProblem)
}

/** @returns why a text is no user name, or `null` */
export function userNameProblem(name: string): string | null {
  // Its uid would be another than 0, and programs and people who go by the name would be misled.
  if (name === 'root') return 'that is the name of uid 0, which no sandbox runs as'
  // Without the `m` flag `$` is the very end, so a trailing newline is refused.
  if (USER_NAME_PATTERN.test(name)) return null
  if (name === '') return 'it is empty; leave the name out for an anonymous user'
  if (name.length > 32) return `it has ${name.length} characters`
  if (name.startsWith('-')) return 'a leading dash makes it an option of every command that takes it'
  if (/[/.]/.test(name)) return 'a name is not a path: slashes and dots are refused'
  if (/[A-Z]/.test(name)) return `upper case is refused; write '${name.toLowerCase().replaceAll(/[^a-z0-9_-]/g, '_')}'`
  if (/[^\x20-\x7e]/.test(name)) return 'control characters and letters outside ASCII are refused'
  return 'map names of another form to this one before the call'
}
