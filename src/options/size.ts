import { z } from 'zod'
import { optionFacts } from './option.js'

/** Bytes per unit. The one-letter units are binary, as in `docker run --memory`. */
const UNIT_BYTES: Readonly<Record<string, number>> = Object.freeze({
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
  b: 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
})

const SIZE_PATTERN = /^(\d{1,16}(?:\.\d{1,6})?)([A-Za-z]{1,3})$/

/**
 * Reads a size such as `'256MiB'`, `'1.5GiB'`, `'64k'` or `'512B'`. Units are B, KiB, MiB, GiB, TiB and Docker's binary
 * b, k, m, g, t. `KB`, `MB` and `GB` are refused: to some they are powers of 1000, to others of 1024.
 *
 * @returns bytes, or a string that says what is wrong
 */
export function parseSize(text: string): number | string {
  const match = SIZE_PATTERN.exec(text)
  if (match === null) {
    return /^\d+$/.test(text)
      ? `the unit is missing: give bytes as a number, or write '${text.slice(0, 15)}MiB'`
      : "write digits and a unit without a space, such as '256MiB', '1.5GiB' or '64k'"
  }
  const unit = match[2] ?? ''
  const factor = Object.hasOwn(UNIT_BYTES, unit) ? UNIT_BYTES[unit] : undefined
  if (factor === undefined) return unitHint(unit)
  const bytes = Number(match[1]) * factor
  if (!Number.isSafeInteger(bytes)) return `it is ${bytes} bytes: a size is a whole number of bytes below 8 PiB`
  return bytes
}

/** The shortest exact text for a size: `'512MiB'`, `'1000B'`. */
export function formatSize(bytes: number): string {
  for (const unit of ['TiB', 'GiB', 'MiB', 'KiB']) {
    const factor = UNIT_BYTES[unit] ?? 1
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor}${unit}`
  }
  return `${bytes}B`
}

/** A number of bytes, given as a number or as a text with a unit. */
export function sizeOption(minBytes: number, maxBytes: number, orNull?: string) {
  const range = `${formatSize(minBytes)} to ${formatSize(maxBytes)}`
  const suffix = orNull === undefined ? '' : `, or null for ${orNull}`
  const allowed = `${range}, as bytes or as a text such as '256MiB'${suffix}`
  return z
    .union([z.number(), z.string()], { error: allowed })
    .transform((value, context): number => {
      const fail = (hint: string | null): number => {
        context.addIssue({ code: 'custom', message: allowed, input: value, params: hint === null ? {} : { hint } })
        return z.NEVER
      }
      const bytes = typeof value === 'string' ? parseSize(value) : value
      if (typeof bytes === 'string') return fail(bytes)
      if (!Number.isInteger(bytes)) return fail('a size is a whole number of bytes')
      return bytes < minBytes || bytes > maxBytes ? fail(null) : bytes
    })
    .register(optionFacts, { type: 'size', allowed: `${range}${suffix}` })
}

function unitHint(unit: string): string {
  const known = 'units are B, KiB, MiB, GiB, TiB and k, m, g, t'
  const letter = /^([KMGT])B?$/i.exec(unit)?.[1]?.toUpperCase()
  if (letter !== undefined)
    return `'${unit}' means powers of 1000 to some and of 1024 to others: write ${letter}iB (${known})`
  return known
}
