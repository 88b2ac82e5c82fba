/**
 * Decodes what strace puts in place of bytes that cannot be printed.
 *
 * Theory: strace prints a string byte by byte (`string_quote` in its util.c). `"` and `\` get a backslash, `\f \n \r \t \v`
 * have their letter, every other byte outside 0x20 to 0x7e becomes octal: one to three digits, always three when an octal
 * digit follows. Inside `<>` the signs `<` and `>` are octal too. So no raw newline, quote or angle bracket of a guest ever
 * reaches the log, and each escape has one meaning.
 */
import { isAscii, isUtf8 } from 'node:buffer'

const backslash = 0x5c
const letterEscapes: Readonly<Record<string, number>> = { f: 12, n: 10, r: 13, t: 9, v: 11, '"': 34, "'": 39, '\\': 92 }

/** Long enough for every path; longer text gets its own buffer for as long as it takes. */
const scratch = Buffer.allocUnsafeSlow(32 * 1024)

/**
 * Turns text as strace printed it, without its quotes or angle brackets, into the string that it stands for.
 * The result is a copy: keeping it does not keep the line that it came from.
 *
 * @returns UTF-8 decoded, with a lone surrogate U+DC80 to U+DCFF for each byte that is not valid; `null` when strace
 * would not have written this.
 */
export function decodeEscapes(text: string): string | null {
  const bytes = text.length <= scratch.length ? scratch : Buffer.allocUnsafeSlow(text.length)
  if (!text.includes('\\')) return bytesToText(bytes.subarray(0, bytes.write(text, 0, 'latin1')))
  let length = 0
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit !== backslash) {
      bytes[length++] = unit
      continue
    }
    const letter = letterEscapes[text.charAt(i + 1)]
    if (letter !== undefined) {
      bytes[length++] = letter
      i++
      continue
    }
    const digits = text.charAt(i + 1) === 'x' ? hexDigits(text, i + 2) : octalDigits(text, i + 1)
    const value = digits === '' ? NaN : parseInt(digits, text.charAt(i + 1) === 'x' ? 16 : 8)
    if (!(value <= 0xff)) return null
    bytes[length++] = value
    i += digits.length + (text.charAt(i + 1) === 'x' ? 1 : 0)
  }
  return bytesToText(bytes.subarray(0, length))
}

function octalDigits(text: string, from: number): string {
  let end = from
  while (end < from + 3 && text.charCodeAt(end) >= 48 && text.charCodeAt(end) <= 55) end++
  return text.slice(from, end)
}

function hexDigits(text: string, from: number): string {
  const digits = text.slice(from, from + 2)
  return /^[0-9a-f]{2}$/i.test(digits) ? digits : ''
}

/** Python's `surrogateescape`: two different byte strings never give the same text. */
function bytesToText(bytes: Buffer): string {
  if (isAscii(bytes)) return bytes.toString('latin1')
  if (isUtf8(bytes)) return bytes.toString('utf8')
  let text = ''
  let validFrom = 0
  for (let i = 0; i < bytes.length;) {
    const length = sequenceLength(bytes, i)
    if (length > 0) {
      i += length
      continue
    }
    text += bytes.toString('utf8', validFrom, i) + String.fromCharCode(0xdc00 + (bytes[i] ?? 0))
    validFrom = ++i
  }
  return text + bytes.toString('utf8', validFrom)
}

/** How many bytes of UTF-8 stand at `from`; 0 when none. The table is 3-7 of the Unicode standard. */
function sequenceLength(bytes: Buffer, from: number): number {
  const first = bytes[from] ?? 0
  if (first < 0x80) return 1
  const length = first < 0xc2 || first > 0xf4 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
  return length > 0 && from + length <= bytes.length && isUtf8(bytes.subarray(from, from + length)) ? length : 0
}
