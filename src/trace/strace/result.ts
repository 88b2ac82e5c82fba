/** Reads what stands behind ` = `. */
import { decodeEscapes } from './escapes.js'
import type { CallResult } from './record.js'

/** The call never returned. */
export const neverReturned: CallResult = Object.freeze({ value: null, errno: null, path: null, deleted: false })

const space = 0x20
const closing = 0x29
const deletedMark = '(deleted)'

/**
 * @param from Behind `= `.
 * @returns `null` when strace would not have written this.
 */
export function parseResult(text: string, from: number): CallResult | null {
  if (text.charCodeAt(from) === 0x3f) return parseUnreturned(text, from + 1)
  const end = endOfNumber(text, from)
  const value = parseNumber(text.slice(from, end))
  if (value === null) return null
  if (end === text.length) return { value, errno: null, path: null, deleted: false }
  if (text.charCodeAt(end) === 0x3c) return parseDescriptor(text, end + 1, value)
  const errno = parseErrno(text, end)
  return errno === undefined ? null : { value, errno, path: null, deleted: false }
}

/** `?`, `? ERESTARTSYS (To be restarted)`, `? <unavailable>`. */
function parseUnreturned(text: string, from: number): CallResult | null {
  if (from === text.length || text.slice(from) === ' <unavailable>') return neverReturned
  const errno = parseErrno(text, from)
  return typeof errno === 'string' ? { value: null, errno, path: null, deleted: false } : null
}

function endOfNumber(text: string, from: number): number {
  let end = from
  while (end < text.length && text.charCodeAt(end) !== space && text.charCodeAt(end) !== 0x3c) end++
  return end
}

function parseNumber(text: string): number | null {
  const decimal = smallDecimal(text)
  if (decimal >= 0) return decimal
  if (/^-?[1-9]\d{0,19}$/.test(text) || /^0x[0-9a-f]{1,16}$/.test(text)) return Number(text)
  return /^0[0-7]{1,22}$/.test(text) ? parseInt(text, 8) : null
}

/** @returns -1 for everything but at most 15 digits without a zero before them. */
function smallDecimal(text: string): number {
  if (text.length === 0 || text.length > 15 || (text.length > 1 && text.charCodeAt(0) === 0x30)) return -1
  let value = 0
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30
    if (!(digit >= 0 && digit <= 9)) return -1
    value = value * 10 + digit
  }
  return value
}

function parseDescriptor(text: string, from: number, value: number): CallResult | null {
  const end = text.indexOf('>', from)
  if (end < 0) return null
  const deleted = text.startsWith(deletedMark, end + 1)
  const rest = end + 1 + (deleted ? deletedMark.length : 0)
  if (rest !== text.length && parseErrno(text, rest) !== null) return null
  const path = decodeEscapes(text.slice(from, end))
  return path === null ? null : { value, errno: null, path, deleted }
}

/**
 * ` ENOENT (No such file or directory)`, ` (errno 530)`; and what only explains a value: ` (Timeout)` or a comment.
 *
 * @returns `null` when there is an explanation and no error, `undefined` when it is neither.
 */
function parseErrno(text: string, from: number): string | null | undefined {
  if (text.charCodeAt(from) !== space) return undefined
  if (text.charCodeAt(text.length - 1) !== closing) return /^ \/\*.+\*\/$/.test(text.slice(from)) ? null : undefined
  const opening = text.indexOf(' (', from)
  if (opening < 0) return undefined
  if (opening === from) return /^\d+$/.test(namelessErrno(text, from)) ? `ERRNO_${namelessErrno(text, from)}` : null
  const name = text.slice(from + 1, opening)
  return /^E[A-Z0-9_]+$/.test(name) ? name : undefined
}

function namelessErrno(text: string, from: number): string {
  return text.startsWith(' (errno ', from) ? text.slice(from + ' (errno '.length, -1) : ''
}
