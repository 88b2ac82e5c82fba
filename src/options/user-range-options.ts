import type { z } from 'zod'
import { hostPathOption } from './host-path.js'
import { integerOption, objectOption } from './option.js'
import { parseOptions } from './parse.js'
import { MAX_ID } from './user.js'

/**
 * Ids that Debian gives to nobody: above those for `useradd` (60000) and the 16-bit ones, 65536 in all, one block of
 * the size that subuid(5) uses. The upper half goes to anonymous users.
 */
export const DEFAULT_USER_RANGE = Object.freeze({ firstUid: 200_000, lastUid: 265_535 })

/** `users`: where the uids of sandbox users come from. */
export const userRangeSchema = objectOption({
  stateDir: hostPathOption('the state folder')
    .nullable()
    .default(null)
    .describe(
      'Where given uids are kept. Default: `/var/lib/container-sandbox` for root, else `$XDG_STATE_HOME/container-sandbox`.',
    ),
  firstUid: integerOption({ min: 1000, max: MAX_ID, unit: 'user id' })
    .default(DEFAULT_USER_RANGE.firstUid)
    .describe('First uid and gid of the range.'),
  lastUid: integerOption({ min: 1000, max: MAX_ID, unit: 'user id' })
    .default(DEFAULT_USER_RANGE.lastUid)
    .describe('Last uid and gid of the range.'),
  firstAnonymousUid: integerOption({ min: 1000, max: MAX_ID, unit: 'user id', orNull: 'the middle of the range' })
    .nullable()
    .default(null)
    .describe('From here to `lastUid` ids go to anonymous users, below it to names.'),
})
  .transform((range) => ({
    ...range,
    firstAnonymousUid: range.firstAnonymousUid ?? range.firstUid + Math.ceil((range.lastUid - range.firstUid) / 2),
  }))
  .superRefine((range, context) => {
    const fail = (key: 'lastUid' | 'firstAnonymousUid', message: string) =>
      context.addIssue({ code: 'custom', path: [key], message, input: range[key] })
    if (range.lastUid <= range.firstUid) fail('lastUid', `more than firstUid (${range.firstUid})`)
    else if (range.firstAnonymousUid <= range.firstUid || range.firstAnonymousUid > range.lastUid) {
      fail(
        'firstAnonymousUid',
        `from ${range.firstUid + 1} to ${range.lastUid}, so that names and anonymous users both have ids`,
      )
    }
  })
  .readonly()
  .describe('Where the uids of sandbox users come from.')

/** What a caller gives as `users`. */
export type UserRangeOptions = z.input<typeof userRangeSchema>
/** The same with every default filled in. */
export type ResolvedUserRange = z.output<typeof userRangeSchema>

/**
 * Checks and completes a range of uids.
 * @throws {InvalidOptionsError}
 */
export function parseUserRange(raw: unknown = {}): ResolvedUserRange {
  return parseOptions(userRangeSchema, raw, 'users')
}
