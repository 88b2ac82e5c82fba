import type { z } from 'zod'
import { hostPathOption } from './host-path.js'
import { integerOption, objectOption, durationOption } from './option.js'
import { parseOptions } from './parse.js'
import { userRangeSchema } from './user-range-options.js'
import { MAX_ID } from './user.js'

/**
 * What is added to a uid and a gid of the host. From 1,879,048,192 on ids belong to nobody: systemd ends its containers there
 * (524,288 to 1,879,048,191; its next range, for foreign images, begins at 2,147,352,576), and `useradd` gives no subordinate ids
 * above 600,100,000 (login.defs(5), SUB_UID_MAX). A round number, so that `ls -ln` is read at sight: uid 1000 is
 * 1,900,001,000. Source: systemd.io/UIDS-GIDS.
 */
export const DEFAULT_UID_OFFSET = 1_900_000_000

/** `new UnixDirectory(options)`. */
export const unixDirectorySchema = objectOption({
  uidOffset: integerOption({ min: 100_000, max: MAX_ID, unit: 'added to uid and gid' })
    .default(DEFAULT_UID_OFFSET)
    .describe(
      'The mapped uid of an account is this number and its own uid, the gid likewise. Changing it gives everybody a new uid.',
    ),
  timeoutMs: durationOption(1)
    .default(5_000)
    .describe('How long the account database, which can be a directory service, may take to answer.'),
})
  .readonly()
  .describe("The unix accounts of this host, from the system's account database.")

/** What a caller gives to `new UnixDirectory()`. */
export type UnixDirectoryOptions = z.input<typeof unixDirectorySchema>

/** @throws {InvalidOptionsError} */
export function parseUnixDirectoryOptions(raw: unknown = {}): z.output<typeof unixDirectorySchema> {
  return parseOptions(unixDirectorySchema, raw, 'options of a unix directory')
}

/** `new FileDirectory(options)`. */
export const fileDirectorySchema = objectOption({
  path: hostPathOption("the users' file")
    .nullable()
    .default(null)
    .describe('The JSON file of users; it is made with the first user. Default: `accounts.json` in the state folder.'),
  users: userRangeSchema.prefault({}),
  scryptLogN: integerOption({ min: 14, max: 20, unit: 'log2 of N' })
    .default(17)
    .describe(
      'Cost of new password hashes: scrypt with N = 2^this, r = 8, p = 1. 17 takes 128 MiB and about 0.3 s; each more doubles both.',
    ),
})
  .readonly()
  .describe('Users of a JSON file.')

/** What a caller gives to `new FileDirectory()`. */
export type FileDirectoryOptions = z.input<typeof fileDirectorySchema>

/** @throws {InvalidOptionsError} */
export function parseFileDirectoryOptions(raw: unknown = {}): z.output<typeof fileDirectorySchema> {
  return parseOptions(fileDirectorySchema, raw, "options of a users' file")
}
