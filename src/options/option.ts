/**
 * Builders for single options. Each states what it allows once; the same words stand in the error and in docs/options.md.
 */
import { z } from 'zod'

/** What the reference page says about an option besides its default and meaning. */
export interface OptionFacts {
  /** For example `integer` or `size`. */
  readonly type: string
  /** The range or grammar, with the unit. */
  readonly allowed: string
}

/** Facts of every option schema, read by the generator of docs/options.md. */
export const optionFacts = z.registry<OptionFacts>()

/**
 * The largest delay that timers take, in milliseconds (24.8 days); above it `setTimeout` fires after 1 ms.
 * Source: Node.js documentation, `setTimeout()`.
 */
export const MAX_TIMER_MS = 2_147_483_647

/** A range of numbers, both ends included. */
export interface NumberRange {
  readonly min: number
  readonly max: number
  /** What is counted: `ms`, `bytes`, `processes`. */
  readonly unit: string
  /** What `null` means, for an option that is made nullable. */
  readonly orNull?: string
}

/** A whole number in a range. NaN, infinities, fractions and numeric strings are refused. */
export function integerOption(range: NumberRange) {
  const allowed = `a whole number from ${group(range.min)} to ${group(range.max)} (${range.unit})${nullSuffix(range.orNull)}`
  return z
    .number({ error: allowed })
    .int({ error: allowed })
    .min(range.min, { error: allowed })
    .max(range.max, { error: allowed })
    .register(optionFacts, { type: 'integer', allowed: allowed.replace('a whole number from ', '') })
}

/** A finite number in a range. */
export function numberOption(range: NumberRange) {
  const allowed = `a number from ${group(range.min)} to ${group(range.max)} (${range.unit})${nullSuffix(range.orNull)}`
  return z
    .number({ error: allowed })
    .min(range.min, { error: allowed })
    .max(range.max, { error: allowed })
    .register(optionFacts, { type: 'number', allowed: allowed.replace('a number from ', '') })
}

/** A time in milliseconds; the upper end is what a timer takes. */
export function durationOption(minMs: number, orNull?: string) {
  return integerOption({ min: minMs, max: MAX_TIMER_MS, unit: 'ms', ...(orNull === undefined ? {} : { orNull }) })
}

/** `true` or `false`; nothing that is only truthy. */
export function booleanOption() {
  return z.boolean({ error: 'true or false' }).register(optionFacts, { type: 'boolean', allowed: '`true` or `false`' })
}

/** One of a list of words. */
export function choiceOption<const T extends readonly [string, ...string[]]>(choices: T) {
  const allowed = choices.map((choice) => `'${choice}'`).join(', ')
  return z
    .enum(choices, { error: `one of ${allowed}` })
    .register(optionFacts, { type: 'string', allowed: choices.map((choice) => `\`'${choice}'\``).join(', ') })
}

/** A text for which `problem` finds nothing wrong; `problem` returns the reason, which follows `allowed` in the message. */
export function textOption(facts: OptionFacts, problem: (text: string) => string | null) {
  return z
    .string({ error: facts.allowed })
    .superRefine((text, context) => {
      const reason = problem(text)
      if (reason !== null) context.addIssue({ code: 'custom', message: facts.allowed, params: { hint: reason } })
    })
    .register(optionFacts, facts)
}

/** An object that is passed on as it is, neither copied nor frozen. */
export function opaqueOption<T>(facts: OptionFacts, accepts: (value: unknown) => boolean) {
  return z.custom<T>((value) => accepts(value), { error: facts.allowed }).register(optionFacts, facts)
}

/** `signal` of every call that waits. */
export function abortSignalOption() {
  return opaqueOption<AbortSignal>({ type: 'AbortSignal', allowed: 'an AbortSignal' }, isAbortSignal)
}

/** A strict object: unknown keys fail, the result is a frozen copy. */
export function objectOption<T extends z.core.$ZodLooseShape>(shape: T) {
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? undefined : 'an object with options'),
  })
}

/** UTF-8 text that the kernel can take: no NUL, no lone surrogate (which would be replaced on the way). */
export function textProblem(text: string, maxBytes: number): string | null {
  if (text.includes('\0')) return 'a NUL byte ends a text in the kernel'
  if (/\p{Surrogate}/u.test(text)) return 'it holds half of a surrogate pair, which UTF-8 cannot carry'
  const bytes = Buffer.byteLength(text)
  if (bytes > maxBytes) return `it has ${group(bytes)} bytes`
  return null
}

/** Digits in groups of three: `2,147,483,647`. */
export function group(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 6 })
}

function nullSuffix(meaning: string | undefined): string {
  return meaning === undefined ? '' : `, or null for ${meaning}`
}

function isAbortSignal(value: unknown): boolean {
  // Not instanceof alone: test runners and bundlers bring signals of another realm.
  if (value instanceof AbortSignal) return true
  return typeof value === 'object' && value !== null && Object.prototype.toString.call(value) === '[object AbortSignal]'
}
