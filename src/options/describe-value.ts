import { quoteText } from '../printable.js'

/** Longest piece of a caller's value that a message repeats, in characters. */
const MAX_SHOWN_CHARACTERS = 60

/**
 * One short line about a value, safe to put in a message: strings are quoted, escaped and cut, nothing of the value runs.
 * Never throws, also not for proxies and revoked objects.
 *
 * @returns for example `"a\nb" (3 characters)`, `NaN`, `an array of 3`, `a Uint8Array`
 */
export function describeValue(value: unknown): string {
  try {
    switch (typeof value) {
      case 'string':
        return describeText(value)
      case 'bigint':
        return `the BigInt ${String(value).slice(0, MAX_SHOWN_CHARACTERS)}`
      case 'number':
        return Object.is(value, -0) ? '-0' : String(value)
      case 'boolean':
      case 'undefined':
        return String(value)
      case 'object':
        return value === null ? 'null' : describeObject(value)
      default:
        return `a ${typeof value}`
    }
  } catch {
    return `an unreadable ${typeof value}`
  }
}

function describeText(text: string): string {
  return text.length > MAX_SHOWN_CHARACTERS
    ? `${quoteText(text, MAX_SHOWN_CHARACTERS)} (${text.length} characters)`
    : quoteText(text, MAX_SHOWN_CHARACTERS)
}

function describeObject(value: object): string {
  if (Array.isArray(value)) return `an array of ${value.length}`
  const tag = Object.prototype.toString.call(value).slice('[object '.length, -1)
  return tag === 'Object' ? 'an object' : `a ${quoteText(tag).slice(1, -1)}`
}
