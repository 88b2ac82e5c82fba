import type { z } from 'zod'
import { hostPathOption } from './host-path.js'
import { objectOption } from './option.js'
import { parseOptions } from './parse.js'
import { isPossiblePassword, secretOption } from './secret.js'
import { userNameOption } from './user-name.js'

/** Far above any passphrase; scrypt itself takes any length. */
const MAX_PASSWORD_BYTES = 1024

/** `fileDirectory.add(options)`. */
export const fileUserSchema = objectOption({
  name: userNameOption().describe('What the user logs in as.'),
  password: secretOption('a text of 1 to 1,024 bytes of UTF-8 without NUL, or null for no login', isFilePassword)
    .nullable()
    .default(null)
    .describe('Kept as a hash alone. Default: nobody can log in as this user.'),
  home: hostPathOption("the user's files")
    .nullable()
    .default(null)
    .describe("Folder whose content becomes the root of the user's image. Default: empty."),
})
  .readonly()
  .describe("A user of a users' file.")

/** What a caller gives to `fileDirectory.add()`. */
export type FileUserOptions = z.input<typeof fileUserSchema>

/** Whether a text can be a password of a file user. */
export function isFilePassword(password: string): boolean {
  return isPossiblePassword(password, MAX_PASSWORD_BYTES)
}

/** @throws {InvalidOptionsError} */
export function parseFileUser(raw: unknown): z.output<typeof fileUserSchema> {
  return parseOptions(fileUserSchema, raw, 'user')
}
