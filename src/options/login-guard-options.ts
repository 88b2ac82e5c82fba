import type { z } from 'zod'
import { durationOption, integerOption, objectOption } from './option.js'
import { parseOptions } from './parse.js'

/** `new LoginGuard(options)`. */
export const loginGuardSchema = objectOption({
  minAnswerMs: durationOption(0)
    .default(500)
    .describe(
      'Every attempt that is checked is answered after this time or a multiple of it, whatever was found. Keep it well above ' +
        'what checking a password takes: about 30 ms with yescrypt, 330 ms with scrypt.',
    ),
  maxConcurrent: integerOption({ min: 1, max: 1000, unit: 'attempts' })
    .default(16)
    .describe('Attempts that are checked at once. Further ones wait.'),
  maxWaiting: integerOption({ min: 0, max: 100_000, unit: 'attempts' })
    .default(1000)
    .describe('Attempts that wait. Further ones fail at once.'),
  freeFailures: integerOption({ min: 1, max: 1000, unit: 'failures' })
    .default(3)
    .describe('Failures of one user from one origin that cost no waiting.'),
  firstDelayMs: durationOption(1)
    .default(1000)
    .describe('The wait after the first failure that is not free; each further one doubles it.'),
  maxDelayMs: durationOption(1)
    .default(60_000)
    .describe('The longest wait: nobody is locked out for longer by what others do.'),
  forgetMs: durationOption(1)
    .default(15 * 60_000)
    .describe('Failures are forgotten when none was added for this time.'),
  maxTracked: integerOption({ min: 100, max: 10_000_000, unit: 'users and origins' })
    .default(20_000)
    .describe('Users and origins whose failures are counted; about 200 bytes each.'),
})
  .readonly()
  .describe('How attempts to log in are evened out in time and slowed down.')

/** What a caller gives to `new LoginGuard()`. */
export type LoginGuardOptions = z.input<typeof loginGuardSchema>
/** The same with every default filled in. */
export type ResolvedLoginGuardOptions = z.output<typeof loginGuardSchema>

/** @throws {InvalidOptionsError} */
export function parseLoginGuardOptions(raw: unknown = {}): ResolvedLoginGuardOptions {
  return parseOptions(loginGuardSchema, raw, 'options of a login guard')
}
