/**
 * The edge: raw input in, frozen options or one `InvalidOptionsError` out. Nothing further inside validates again.
 */
import type { z } from 'zod'
import { InvalidOptionsError } from '../errors.js'
import { quoteText } from '../printable.js'
import { describeValue } from './describe-value.js'
import { nearestName } from './nearest-name.js'
import { shapeAt } from './schema-walk.js'

/** One thing that is wrong, as it stands in `details.issues`. */
export interface OptionIssue {
  /** For example `limits.memoryBytes` or `mounts[1].target`; empty for the whole. */
  readonly path: string
  /** What was given, escaped and cut. */
  readonly got: string
  readonly allowed: string
  /** What to do next, or why it is refused. */
  readonly hint: string | null
}

/** More issues than this are counted, not listed. */
const MAX_LISTED_ISSUES = 20

/** What was given, of an option that there is not. */
export const UNKNOWN_OPTION = 'an unknown option'

/** An issue whose hint is looked for when it is listed: a name that was meant takes a millisecond to find. */
type FoundIssue = Omit<OptionIssue, 'hint'> & { readonly hint: () => string | null }

/**
 * Parses untrusted input with a schema.
 *
 * @param subject names the input in the message, for example `sandbox options`
 * @throws {InvalidOptionsError} with every issue in its message and in `details.issues`
 */
export function parseOptions<S extends z.ZodType>(schema: S, raw: unknown, subject: string): z.output<S> {
  let result
  try {
    result = schema.safeParse(raw, { reportInput: true })
  } catch (cause) {
    // A getter or a proxy of the caller threw while it was read.
    throw new InvalidOptionsError(`Invalid ${subject}: the value cannot be read (${describeCause(cause)})`, { cause })
  }
  if (result.success) return result.data
  const found = collectIssues(schema, result.error.issues, [])
  const listed = found.slice(0, MAX_LISTED_ISSUES).map((issue) => ({ ...issue, hint: issue.hint() }))
  throw invalidOptions(subject, listed, found.length)
}

/**
 * Builds the error from issues that were found outside a schema.
 * @param count how many there are, where not all are given
 */
export function invalidOptions(
  subject: string,
  issues: readonly OptionIssue[],
  count: number = issues.length,
): InvalidOptionsError {
  const listed = issues.slice(0, MAX_LISTED_ISSUES)
  const lines = listed.map(formatIssue)
  if (count > listed.length) lines.push(`and ${count - listed.length} more`)
  const message =
    lines.length === 1 ? `Invalid ${subject}: ${lines[0]}` : `Invalid ${subject}:\n  - ${lines.join('\n  - ')}`
  return new InvalidOptionsError(message, {
    details: { issues: Object.freeze(listed.map((issue) => Object.freeze(issue))), issueCount: count },
  })
}

/** One issue as it stands in a message. */
export function formatIssue(issue: OptionIssue): string {
  const where = issue.path === '' ? '' : `${issue.path}: `
  if (issue.got === UNKNOWN_OPTION) {
    return `${where}unknown option${issue.hint === null ? '' : `, ${issue.hint}`} (known: ${issue.allowed})`
  }
  return `${where}got ${issue.got}; allowed: ${issue.allowed}${issue.hint === null ? '' : `. ${capitalize(issue.hint)}`}`
}

function collectIssues(
  schema: z.ZodType,
  issues: readonly z.core.$ZodIssue[],
  prefix: readonly PropertyKey[],
): FoundIssue[] {
  const seen = new Set<string>()
  return issues
    .flatMap((issue) => toOptionIssues(schema, issue, [...prefix, ...issue.path]))
    .filter((issue) => {
      // One value can break several checks of the same range.
      const key = `${issue.path}\n${issue.allowed}`
      return !seen.has(key) && seen.add(key)
    })
}

function toOptionIssues(schema: z.ZodType, issue: z.core.$ZodIssue, path: readonly PropertyKey[]): FoundIssue[] {
  if (issue.code === 'unrecognized_keys') return unknownKeys(schema, issue, path)
  // What is wrong with a name in a map stands inside; the path already ends in that name.
  if (issue.code === 'invalid_key') return collectIssues(schema, issue.issues, path)
  if (issue.code === 'invalid_union') {
    // The branch that took the value's own type says more than "no branch matched".
    const branches = issue.errors
      .filter((errors) => errors.length > 0 && !errors.some((error) => error.path.length === 0 && isTypeIssue(error)))
      .sort((one, other) => strangeness(one) - strangeness(other))
    if (branches[0] !== undefined) return collectIssues(schema, branches[0], path)
  }
  const params = issue.code === 'custom' ? issue.params : undefined
  const hint = (): string | null =>
    typeof params?.['hint'] === 'string' ? params['hint'] : numberHint(issue.input, issue.message)
  const got = typeof params?.['got'] === 'string' ? params['got'] : describeValue(issue.input)
  return [{ path: formatPath(path), got, allowed: issue.message, hint }]
}

function isTypeIssue(issue: z.core.$ZodIssue): boolean {
  return issue.code === 'invalid_type' || issue.code === 'invalid_value'
}

/** How many names of an object are unknown to a branch, or missing: among objects, the one that was meant has the fewest. */
function strangeness(errors: readonly z.core.$ZodIssue[]): number {
  return errors.reduce((sum, error) => {
    if (error.code === 'unrecognized_keys') return sum + error.keys.length
    return sum + (error.path.length === 1 && error.input === undefined ? 1 : 0)
  }, 0)
}

function unknownKeys(
  schema: z.ZodType,
  { keys, input }: z.core.$ZodIssueUnrecognizedKeys,
  path: readonly PropertyKey[],
): FoundIssue[] {
  const unknown = new Set(keys)
  const names = typeof input === 'object' && input !== null ? Object.keys(input) : []
  const known = shapeAt(
    schema,
    path,
    names.filter((name) => !unknown.has(name)),
  )
  const allowed = known.length === 0 ? 'no options' : known.join(', ')
  return keys.map((key) => ({
    path: formatPath([...path, key]),
    got: UNKNOWN_OPTION,
    allowed,
    hint: () => {
      const nearest = nearestName(key, known) ?? nearestBelow(schema, path, key)
      return nearest === null ? null : `did you mean ${nearest}?`
    },
  }))
}

/** An option that stands one level too high: `memoryBytes` beside `limits`. */
function nearestBelow(schema: z.ZodType, path: readonly PropertyKey[], key: string): string | null {
  for (const name of shapeAt(schema, path)) {
    const nearest = nearestName(key, shapeAt(schema, [...path, name]))
    if (nearest !== null) return `${name}.${nearest}`
  }
  return null
}

/** Why a number outside its range is refused, for the mistakes that are made most. */
function numberHint(value: unknown, allowed: string): string | null {
  if (typeof value === 'string' && /^(a|a whole) number /.test(allowed)) return 'Give a number, not a string'
  if (typeof value !== 'number') return null
  if (Number.isNaN(value)) return 'NaN is the result of a failed calculation: look where the value comes from'
  if (!Number.isFinite(value)) {
    return allowed.includes('or null for')
      ? 'write null'
      : 'there is no unlimited: give the largest value that you can accept'
  }
  if (value > 0 || /\bid\b/.test(allowed)) return null
  return 'zero and negative values never mean "no limit"; leave the option out for its default'
}

/** A path as it stands in messages: `limits.memoryBytes`, `steps[0].run`, `env["A=B"]`. */
export function formatPath(path: readonly PropertyKey[]): string {
  let text = ''
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`
    else if (typeof key === 'string' && /^[A-Za-z_$][\w$]{0,63}$/.test(key)) text += text === '' ? key : `.${key}`
    else text += `[${quoteText(String(key))}]`
  }
  return text
}

function describeCause(cause: unknown): string {
  try {
    return quoteText(cause instanceof Error ? cause.message : String(cause))
  } catch {
    return 'reading it threw'
  }
}

function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
