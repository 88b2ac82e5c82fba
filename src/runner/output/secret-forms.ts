/**
 * The forms in which a secret is looked for.
 *
 * They are what tools make of a value without meaning to: what GitHub's runner looks for too (its `ValueEncoders`), and what
 * `set -x` and `base64` print. Any other transformation passes: hexadecimal, a hash, compression, a text in reverse, a form
 * inside another one. Masking keeps a secret from being shown by mistake; it keeps nobody from showing it on purpose.
 */
import { MIN_SECRET_CHARACTERS } from '../../options/build-options.js'
import { escapeUnprintable } from '../../printable.js'

/** Bytes of all values that are looked for in every form: each takes its length in memory about ten times again. */
export const MAX_ENCODED_BYTES = 64 * 1024

/** Lines of all values that are looked for one by one. */
export const MAX_LINES = 10_000

/** Line lengths of coreutils' `base64` (and of MIME, RFC 2045) and of `openssl base64` (and of PEM, RFC 7468). */
const BASE64_LINES = [76, 64]

/** Line ends of what `base64` wraps: its last line is a pattern of its own from this length on. */
const MIN_WRAPPED_CHARACTERS = 8

/**
 * Every form of some values: each value, without white space at its ends, its lines; base64 and base64url at the three places where
 * it can begin in a group, wrapped base64, encoded for a URL and a form, as the inside of a JSON text, quoted by a shell, and escaped
 * for XML. What is not a value itself has at least {@link MIN_SECRET_CHARACTERS} characters.
 *
 * Short values come first: where all have more than {@link MAX_ENCODED_BYTES} or {@link MAX_LINES} together, the longest are not
 * looked for in those forms.
 */
export function secretForms(values: Iterable<string>): ReadonlySet<string> {
  const given = [...new Set(values)].filter((value) => value !== '').sort((a, b) => a.length - b.length)
  const forms = new Set(given)
  const add = (form: string): unknown => form.length >= MIN_SECRET_CHARACTERS && forms.add(form)
  let encodedBytes = 0
  let lines = 0
  for (const value of given) {
    const trimmed = value.trim()
    add(trimmed)
    const own = value.split(/\r\n|[\r\n]/)
    lines += own.length
    if (lines <= MAX_LINES) for (const line of own) add(line.trim())
    encodedBytes += Buffer.byteLength(value)
    if (encodedBytes > MAX_ENCODED_BYTES) continue
    for (const text of new Set([value, trimmed])) {
      for (const form of [...base64Forms(Buffer.from(text)), ...escapedForms(text)]) add(form)
    }
  }
  return forms
}

function base64Forms(bytes: Buffer): string[] {
  const forms = [0, 1, 2].map((before) => base64Core(bytes, before))
  const wrapped = BASE64_LINES.flatMap((columns) => cutLines(forms[0] as string, columns))
  return [...forms, ...wrapped].flatMap((form) => [form, form.replaceAll('+', '-').replaceAll('/', '_')])
}

/** The characters of base64 that this value alone decides when so many bytes of something else are before it in its group. */
function base64Core(bytes: Buffer, before: number): string {
  const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
  // A character is 6 bits: the first that are ours are after all that hold a bit of what is before.
  return encoded.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6))
}

function cutLines(text: string, columns: number): string[] {
  if (text.length <= columns) return []
  const lines = []
  for (let at = 0; at < text.length; at += columns) lines.push(text.slice(at, at + columns))
  return lines.filter((line) => line.length >= MIN_WRAPPED_CHARACTERS)
}

function escapedForms(text: string): string[] {
  // Half of a surrogate pair becomes U+FFFD, as it does when the value is given to a process.
  const whole = Buffer.from(text).toString()
  const json = JSON.stringify(whole).slice(1, -1)
  const component = encodeURIComponent(whole)
  return [
    component,
    component.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase()),
    encodeURI(whole),
    new URLSearchParams([['', whole]]).toString().slice(1),
    json,
    escapeUnprintable(json),
    json.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
    json.replaceAll('/', '\\/'),
    whole.replaceAll("'", "'\\''"),
    whole.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'),
  ]
}
