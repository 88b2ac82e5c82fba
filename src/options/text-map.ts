import { z } from 'zod'
import { describeValue } from './describe-value.js'
import { group, optionFacts, type OptionFacts } from './option.js'

/** Rules of a map from names to texts. A rule returns what is wrong, or `null`. */
export interface TextMapRules extends OptionFacts {
  readonly nameProblem: (name: string) => string | null
  readonly valueProblem: (value: string, name: string) => string | null
  readonly maxEntries: number
  /** Cap for all names and values together, with two bytes for each entry's separators. */
  readonly maxTotalBytes: number
}

/**
 * A plain object of texts, copied by own enumerable keys and frozen. Entries that are `undefined` are left out, as in `child_process`.
 * `__proto__` is refused: it would not survive the way into the sandbox.
 */
export function textMapOption(rules: TextMapRules) {
  return z
    .custom<Readonly<Record<string, string | undefined>>>(isPlainObject, { error: rules.allowed })
    .transform((given, context) => {
      const result: Record<string, string> = {}
      let totalBytes = 0
      const entries = Object.entries(given)
      const fail = (path: string[], input: unknown, hint: string) => {
        // The text itself may be a secret and stays out of messages.
        const got = typeof input === 'string' ? `a text of ${group(input.length)} characters` : describeValue(input)
        context.addIssue({ code: 'custom', path, input, message: rules.allowed, params: { hint, got } })
      }
      if (entries.length > rules.maxEntries) fail([], given, `it has ${group(entries.length)} entries`)
      for (const [name, value] of entries.slice(0, rules.maxEntries)) {
        if (value === undefined) continue
        const nameProblem =
          name === '__proto__' ? '__proto__ cannot be carried into the sandbox' : rules.nameProblem(name)
        if (nameProblem !== null) fail([name], value, `the name is refused: ${nameProblem}`)
        else if (typeof value !== 'string') fail([name], value, 'write it as a text')
        else {
          const valueProblem = rules.valueProblem(value, name)
          if (valueProblem !== null) fail([name], value, valueProblem)
          else result[name] = value
          totalBytes += Buffer.byteLength(name) + Buffer.byteLength(value) + 2
        }
      }
      if (totalBytes > rules.maxTotalBytes) fail([], given, `all entries together have ${group(totalBytes)} bytes`)
      return Object.freeze<Record<string, string>>(result)
    })
    .register(optionFacts, { type: rules.type, allowed: rules.allowed })
}

function isPlainObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.prototype.toString.call(value) === '[object Object]'
}
