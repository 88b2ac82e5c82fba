/**
 * Finds where arguments end.
 *
 * Theory: what a guest wrote stands in three places only, and in none can it end its place. In `"…"` each quote and
 * backslash is escaped. In `<…>` both angle brackets are octal. In a comment strace prints at most the six characters of an
 * AX.25 call sign as they are, quotes and brackets too, but never with `*` or `/` (sockaddr.c); so a comment is skipped
 * whole, and nothing in it counts. Every bracket and comma outside these three is strace's own.
 */

/** What {@link scanItems} answers for text in which a quote, an angle bracket or a comment does not end. */
export const malformed = -1

const quote = 0x22
const apostrophe = 0x27
const comma = 0x2c
const slash = 0x2f
const star = 0x2a
const less = 0x3c
const backslash = 0x5c
const space = 0x20

/** 1 for each character that means something outside quotes. Everything else is passed over with one look-up. */
const special = new Uint8Array(256)
for (const character of '"\'(),/<[]{}') special[character.charCodeAt(0)] = 1

/**
 * Splits text at its top-level commas, up to the bracket that closes it.
 *
 * @param from Behind the opening bracket.
 * @param to Where the text ends at the latest.
 * @param items Gets each item, as it is printed, without the space behind the comma.
 * @returns The index of the closing bracket; `to` when none comes, with the last item as far as it goes; {@link malformed}.
 */
export function scanItems(text: string, from: number, to: number, items: string[]): number {
  let itemFrom = from
  let depth = 0
  for (let i = from; i < to; i++) {
    const unit = text.charCodeAt(i)
    if (special[unit] !== 1) continue
    switch (unit) {
      case comma:
        if (depth > 0) break
        items.push(text.slice(itemFrom, i))
        if (text.charCodeAt(i + 1) === space) i++
        itemFrom = i + 1
        break
      case quote:
      case apostrophe:
        i = endOfQuoted(text, i, to)
        break
      case less:
        i = endOfAnnotation(text, i)
        break
      case slash:
        if (text.charCodeAt(i + 1) === star) i = endOfComment(text, i)
        break
      case 0x28:
      case 0x5b:
      case 0x7b:
        depth++
        break
      default:
        if (depth-- > 0) break
        if (i > itemFrom || items.length > 0) items.push(text.slice(itemFrom, i))
        return i
    }
    if (i < 0 || i >= to) return malformed
  }
  const last = text.slice(itemFrom, to).trimEnd()
  if (last !== '') items.push(last)
  return to
}

/** @returns The index of the closing quote; {@link malformed} when there is none before `to`. */
export function endOfQuoted(text: string, from: number, to: number): number {
  const closing = text.charCodeAt(from)
  for (let i = from + 1; i < to; i++) {
    const unit = text.charCodeAt(i)
    if (unit === closing) return i
    if (unit === backslash) i++
  }
  return malformed
}

/** `<<` is a shift: inside an annotation the first sign cannot be a raw `<`. */
function endOfAnnotation(text: string, from: number): number {
  return text.charCodeAt(from + 1) === less ? from + 1 : text.indexOf('>', from + 1)
}

function endOfComment(text: string, from: number): number {
  const end = text.indexOf('*/', from + 2)
  return end < 0 ? malformed : end + 1
}
