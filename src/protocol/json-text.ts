import { ProtocolViolation } from './violation.js'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/** Strings longer than this are skipped by a native search instead of byte by byte. */
const LONG_STRING_BYTES = 32

/** @returns the index after the closing quote of the string whose content starts at `at`. */
function skipString(json: Uint8Array, at: number): number {
  const near = Math.min(at + LONG_STRING_BYTES, json.length)
  let index = at
  while (index < near) {
    const byte = json[index]
    if (byte === QUOTE) return index + 1
    index += byte === BACKSLASH ? 2 : 1
  }
  for (;;) {
    const quote = json.indexOf(QUOTE, index)
    if (quote === -1) return json.length
    let first = quote
    while (first > index && json[first - 1] === BACKSLASH) first -= 1
    if ((quote - first) % 2 === 0) return quote + 1
    index = quote + 1
  }
}

/**
 * Refuses JSON text that would cost too much to parse. Looks only at brackets, commas and strings: whether the text is
 * JSON at all is for `JSON.parse` to say.
 *
 * @param json - UTF-8; bytes of multi-byte characters are never mistaken for punctuation
 * @returns the number of members
 * @throws {ProtocolViolation} when arrays and objects nest deeper than `maxDepth`, or there are more than `maxValues`
 *   members
 */
export function assertCheapJson(json: Uint8Array, maxDepth: number, maxValues: number): number {
  let depth = 0
  let values = 0
  let index = 0
  while (index < json.length) {
    const byte = json[index]
    index += 1
    if (byte === QUOTE) {
      index = skipString(json, index)
    } else if (byte === COMMA) {
      values += 1
    } else if (byte === OPEN_BRACKET || byte === OPEN_BRACE) {
      values += 1
      depth += 1
      if (depth > maxDepth) throw new ProtocolViolation(`a message deeper than ${maxDepth}`)
    } else if (byte === CLOSE_BRACKET || byte === CLOSE_BRACE) {
      depth -= 1
    }
  }
  if (values > maxValues) throw new ProtocolViolation(`a message of more than ${maxValues} values`)
  return values
}

/**
 * Removes own `__proto__` members everywhere: `JSON.parse` makes them, and a merge or `Object.assign` of the caller
 * would turn them into a prototype.
 */
export function removeProtoKeys(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  if (Object.hasOwn(value, '__proto__')) Reflect.deleteProperty(value, '__proto__')
  for (const member of Object.values(value)) removeProtoKeys(member)
}
