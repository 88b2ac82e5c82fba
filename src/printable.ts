/**
 * Foreign text in messages: what a guest, a file name, an image or an engine says.
 *
 * It can neither forge a line of a log, nor move a terminal's cursor, nor flood either. Used by both sides of the channel.
 */
import type { Buffer } from 'node:buffer'

/**
 * What may not reach a log or a terminal as it is: C0 and C1 controls, the line and paragraph separators, characters
 * that change direction or are invisible (Unicode TR 36 and TR 39), tags, and lone surrogates.
 */
const UNPRINTABLE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\udb40[\udc00-\udc7f]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g

const PRINTABLE_ASCII = /^[\x20-\x7e]*$/

const SHORT_ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** One printed unit: an escape of {@link printable}, a pair, or a character. */
const UNITS = /\\u[0-9a-f]{4}|\\[nrt]|[\ud800-\udbff][\udc00-\udfff]|[^]/g

function escapeUnits(units: string): string {
  const short = SHORT_ESCAPES[units]
  if (short !== undefined) return short
  let escaped = ''
  for (let at = 0; at < units.length; at += 1) escaped += `\\u${units.charCodeAt(at).toString(16).padStart(4, '0')}`
  return escaped
}

/**
 * Escapes as `\uXXXX` what may not reach a log or a terminal as it is, and nothing else. In a JSON text that stands inside
 * strings alone and reads back as it was.
 */
export function escapeUnprintable(text: string): string {
  return PRINTABLE_ASCII.test(text) ? text : text.replace(UNPRINTABLE, escapeUnits)
}

/**
 * Makes foreign text safe to show: control, bidirectional and invisible characters and lone surrogates become `\uXXXX`,
 * and the result is cut.
 *
 * @param text - untrusted text of any length, or its bytes; bytes that are not UTF-8 are shown as U+FFFD
 * @param maxChars - the longest result in UTF-16 units, the closing `…` included; at least 1; default 200
 */
export function printable(text: string | Buffer, maxChars = 200): string {
  // A UTF-8 character has at most 4 bytes, and each takes at least one unit.
  const given = typeof text === 'string' ? text : text.toString('utf8', 0, (maxChars + 1) * 4)
  const escaped = given.slice(0, maxChars + 1).replace(UNPRINTABLE, escapeUnits)
  if (escaped.length <= maxChars && given.length <= maxChars) return escaped
  let shown = ''
  for (const [unit] of escaped.matchAll(UNITS)) {
    if (shown.length + unit.length >= maxChars) break
    shown += unit
  }
  return `${shown}…`
}

/**
 * A caller's text in double quotes, in printable ASCII alone: what looks like another character is told from it too.
 *
 * @param maxCharacters - UTF-16 units of the text before it is cut; default 60
 */
export function quoteText(text: string, maxCharacters = 60): string {
  const cut = text.length > maxCharacters ? `${text.slice(0, maxCharacters)}…` : text
  return JSON.stringify(cut).replaceAll(/[^\x20-\x7e…]/g, escapeUnits)
}
