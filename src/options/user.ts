import { z } from 'zod'
import { hostPathOption } from './host-path.js'
import { integerOption, objectOption, optionFacts } from './option.js'
import { userNameOption } from './user-name.js'

/** The engine takes ids up to 2^31 − 1 (moby/sys/user, `maxID`). */
export const MAX_ID = 2_147_483_647

function idOption(what: string) {
  return integerOption({
    min: 1,
    max: MAX_ID,
    unit: `${what} id, never root`,
    orNull: 'one of the configured range',
  }).nullable()
}

/** `user` in its long form. */
export const userObjectSchema = objectOption({
  name: userNameOption()
    .nullable()
    .default(null)
    .describe('Keeps its uid for ever. Without a name the sandbox gets a uid that no living sandbox has.'),
  home: hostPathOption("the user's files")
    .nullable()
    .default(null)
    .describe(
      'Folder whose content becomes the root of the image, owned by the user: at most 200,000 entries and 4 GiB, without what `.sandboxignore` in it names (written like `.dockerignore`). Default: empty.',
    ),
  uid: idOption('user')
    .default(null)
    .describe('A uid of your own choice. It must not be used by anyone else: per-uid limits of the kernel are shared.'),
  gid: idOption('group').default(null).describe('A gid of your own choice; needs `uid`. Default: the number of `uid`.'),
})
  .superRefine((user, context) => {
    if (user.gid === null || user.uid !== null) return
    const hint = 'a gid alone would split an identity that belongs together'
    context.addIssue({
      code: 'custom',
      path: ['gid'],
      message: 'a gid together with a uid',
      params: { hint },
      input: user.gid,
    })
  })
  .transform((user) => ({ ...user, gid: user.gid ?? user.uid }))
  .readonly()

/** `user`: a name, the long form, or nothing for an anonymous user. */
export const userSchema = z
  .union([userNameOption(), userObjectSchema, z.null()], { error: 'a user name, or { name, home, uid, gid }' })
  .register(optionFacts, { type: 'string or object', allowed: 'a user name, or an object as below' })
  .transform((user) => (user === null || typeof user === 'string' ? userObjectSchema.parse({ name: user }) : user))

/** What a caller gives as `user`. */
export type UserOptions = z.input<typeof userSchema>
/** The same as an object; `null` where nothing was given. */
export type ResolvedUser = z.output<typeof userObjectSchema>
