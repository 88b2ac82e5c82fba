/**
 * Bounds of attributes. A number is kept once for each combination of attributes, so what a guest, an engine or a caller can
 * choose freely may not become one: memory would grow with it, here and in whatever stores the numbers.
 */
import type { Attributes, AttributeValue } from '@opentelemetry/api'
import { printable } from '../printable.js'
import type { AllowedAttributes, AllowedValues } from './instruments.js'

/** So many values of an attribute without a list are told apart; what comes later is `other`. */
export const MAX_FREE_VALUES = 100

/** Longest value of an attribute without a list, in UTF-16 units. */
const MAX_VALUE_LENGTH = 64

/** What stands for every value that is not told apart. */
export const OTHER = 'other'

/** Values that were seen of each attribute without a list, by its name: one budget for all instruments. */
const seen = new Map<string, Set<string>>()

/** The attributes that an instrument has, with values that are bounded in number and length. What it does not have is dropped. */
export function boundAttributes(allowed: AllowedAttributes, given: Attributes): Record<string, string> {
  const bounded: Record<string, string> = {}
  for (const key of Object.keys(given)) {
    const value = given[key]
    if (value === undefined || !Object.hasOwn(allowed, key)) continue
    bounded[key] = boundValue(key, allowed[key] ?? null, value)
  }
  return bounded
}

function boundValue(key: string, allowed: AllowedValues, value: AttributeValue): string {
  const text = String(value)
  if (allowed !== null) return allowed.includes(text) ? text : OTHER
  let known = seen.get(key)
  if (known === undefined) seen.set(key, (known = new Set()))
  const short = printable(text, MAX_VALUE_LENGTH)
  if (known.has(short)) return short
  if (known.size >= MAX_FREE_VALUES) return OTHER
  known.add(short)
  return short
}

/** The name of an attribute in OpenTelemetry: names of the conventions have a dot, our own get the package's prefix. */
export function attributeKey(key: string): string {
  return key.includes('.') ? key : `container_sandbox.${key}`
}
