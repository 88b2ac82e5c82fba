/** Names and command lines of a guest in messages. */
import { printable } from '../printable.js'

/** A byte that is no UTF-8, as the reader of strace's lines keeps it. */
const RAW_BYTE = /(?<![\ud800-\udbff])[\udc80-\udcff]/g
/** No script needs more marks on one character; a pile of them covers the lines above. */
const PILED_MARKS = /(?<=\p{M}{4})\p{M}/gu

/**
 * Makes a name of the guest safe to show: as {@link printable}, and a byte that is no UTF-8 is shown as `\xNN`.
 *
 * @param maxChars - the longest result in UTF-16 units, the closing `…` included; default 200
 */
export function printableName(text: string, maxChars = 200): string {
  const cut = text.length > maxChars ? text.slice(0, maxChars + 1) : text
  const shown = cut
    .replace(RAW_BYTE, (unit) => `\\x${(unit.charCodeAt(0) - 0xdc00).toString(16)}`)
    .replace(PILED_MARKS, (mark) => `\\u{${mark.codePointAt(0)?.toString(16)}}`)
  return printable(shown, maxChars)
}

const PLAIN_WORD = /^[\w@%+=:,./-]+$/

/**
 * A command line as one would type it: words with other characters than the plain ones are quoted.
 *
 * @param maxChars - the result is cut to so many UTF-16 units; it is not made printable
 */
export function joinCommand(words: readonly string[], maxChars = 1_024): string {
  let line = ''
  for (const word of words) {
    if (line.length >= maxChars) break
    line += `${line === '' ? '' : ' '}${PLAIN_WORD.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`}`
  }
  return line.length > maxChars ? `${line.slice(0, maxChars)}…` : line
}
