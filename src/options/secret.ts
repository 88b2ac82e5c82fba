import { z } from 'zod'
import { optionFacts } from './option.js'

const HIDDEN = 'something that is not shown'

/**
 * A text that never stands in a message: what is given instead of it may be the secret in a wrong wrapping.
 *
 * @param allowed - what is expected, for example `a text`
 */
export function secretOption(allowed: string, accepts: (text: string) => boolean = () => true) {
  return z
    .unknown()
    .superRefine((value, context) => {
      if (typeof value === 'string' && accepts(value)) return
      const got = value === undefined ? 'nothing' : HIDDEN
      context.addIssue({ code: 'custom', message: allowed, params: { got } })
    })
    .transform((value) => value as string)
    .register(optionFacts, { type: 'string', allowed })
}

/**
 * Whether a text can be a password: it is not empty, has no NUL (which ends a text in C), no half of a surrogate pair (which UTF-8
 * cannot carry, so that two passwords would become one), and at most `maxBytes` of UTF-8.
 */
export function isPossiblePassword(password: string, maxBytes: number): boolean {
  if (password === '' || password.length > maxBytes || password.includes('\0')) return false
  return !/\p{Surrogate}/u.test(password) && Buffer.byteLength(password) <= maxBytes
}
