/**
 * `seccomp`: a profile of the caller's own. Its form is checked here; that it is at most as permissive as the package's own
 * profile is checked where that one is known (`src/policy/own-seccomp.ts`).
 */
import { z } from 'zod'
import { hostPathOption } from './host-path.js'
import { objectOption, optionFacts } from './option.js'
import { parseOptions } from './parse.js'

const ALLOW = 'SCMP_ACT_ALLOW'
const ERRNO = 'SCMP_ACT_ERRNO'

/** What refuses, whatever the guest does about it. Others let the call happen, or leave it to a tracer or listener. */
const REFUSALS = [ERRNO, 'SCMP_ACT_KILL', 'SCMP_ACT_KILL_THREAD', 'SCMP_ACT_KILL_PROCESS'] as const

/** MAX_ERRNO of the kernel (include/linux/err.h). */
const MAX_ERRNO = 4095

/** EPERM: what engines answer where a profile names no errno. */
const DEFAULT_ERRNO = 1

const MAX_RULES = 2_000

const OPERATORS = [
  ...['SCMP_CMP_EQ', 'SCMP_CMP_MASKED_EQ', 'SCMP_CMP_NE'],
  ...['SCMP_CMP_LT', 'SCMP_CMP_LE', 'SCMP_CMP_GE', 'SCMP_CMP_GT'],
] as const

const errnoSchema = z.int({ error: 'an errno' }).min(1, { error: 'an errno from 1' }).max(MAX_ERRNO)

// A larger number is not exact in JavaScript, so what the kernel compares with would be another one.
const numberSchema = z.int({ error: 'a whole number up to 2^53 - 1' }).min(0, { error: 'a whole number from 0' })

const argumentSchema = objectOption({
  index: z.int({ error: '0 to 5' }).min(0, { error: '0 to 5' }).max(5, { error: '0 to 5' }),
  value: numberSchema,
  valueTwo: numberSchema.default(0),
  op: z.enum(OPERATORS, { error: `one of ${OPERATORS.join(', ')}` }),
}).readonly()

const ruleSchema = objectOption({
  comment: z.string({ error: 'a text' }).optional(),
  names: z
    .array(z.string().regex(/^[a-z0-9_]+$/, { error: 'the name of a system call' }), { error: 'names of system calls' })
    .min(1, { error: 'at least one name' })
    .readonly(),
  action: z.enum([ALLOW, ...REFUSALS], { error: `one of ${[ALLOW, ...REFUSALS].join(', ')}` }),
  errnoRet: errnoSchema.optional(),
  args: z.array(argumentSchema, { error: 'an array of conditions' }).readonly().nullable().default([]),
})
  .refine((rule) => rule.errnoRet === undefined || rule.action === ERRNO, {
    error: 'no errnoRet but with SCMP_ACT_ERRNO',
  })
  .refine(({ args }) => args === null || new Set(args.map(({ index }) => index)).size === args.length, {
    error: 'one condition for each argument, since engines join two by OR',
  })
  .transform(({ names, action, errnoRet, args }) => ({
    names,
    action,
    ...(action === ERRNO ? { errnoRet: errnoRet ?? DEFAULT_ERRNO } : {}),
    ...(args === null || args.length === 0 ? {} : { args }),
  }))
  .readonly()

/** A profile in the form that Docker takes, as far as it can be compared: no `includes`, `excludes` and `archMap`. */
export const seccompProfileSchema = objectOption({
  defaultAction: z.enum(REFUSALS, { error: `one of ${REFUSALS.join(', ')}: what no rule allows is refused` }),
  defaultErrnoRet: errnoSchema.optional(),
  architectures: z
    .array(z.enum(['SCMP_ARCH_X86_64', 'SCMP_ARCH_AARCH64'], { error: 'SCMP_ARCH_X86_64 or SCMP_ARCH_AARCH64' }))
    .min(1, { error: 'at least one architecture' })
    .readonly()
    .nullable()
    .default(null),
  syscalls: z
    .array(ruleSchema, { error: 'an array of rules' })
    .min(1, { error: 'at least one rule' })
    .max(MAX_RULES, { error: `at most ${MAX_RULES} rules` })
    .readonly(),
})
  .transform(({ defaultErrnoRet, ...profile }) => ({
    ...profile,
    ...(profile.defaultAction === ERRNO ? { defaultErrnoRet: defaultErrnoRet ?? DEFAULT_ERRNO } : {}),
  }))
  .readonly()

/** A profile in the form that Docker takes. */
export interface SeccompProfileOptions {
  readonly defaultAction: string
  /** Default 1, EPERM. */
  readonly defaultErrnoRet?: number
  /** Default: the machine's own. */
  readonly architectures?: readonly string[] | null
  readonly syscalls: readonly {
    readonly comment?: string
    readonly names: readonly string[]
    readonly action: string
    readonly errnoRet?: number
    readonly args?:
      | readonly { readonly index: number; readonly value: number; readonly valueTwo?: number; readonly op: string }[]
      | null
  }[]
}

/** What a caller gives as `seccomp`. */
export type SeccompOption = string | SeccompProfileOptions | null
/** A profile of the caller's own, with its defaults filled in; `architectures` is `null` where it names none. */
export type OwnSeccompProfile = z.output<typeof seccompProfileSchema>
/** The same as {@link SeccompOption} with defaults, and an absolute path. */
export type ResolvedSeccompOption = string | OwnSeccompProfile | null

/**
 * `seccomp` of a sandbox: a profile, or the path of a file that holds one as JSON. As input it has the type of a profile that
 * was made elsewhere, in which actions are any text.
 */
export const seccompOption = z
  .union([hostPathOption('a seccomp profile in JSON'), seccompProfileSchema, z.null()], {
    error: "a seccomp profile in Docker's form, or the path of a JSON file with one",
  })
  .register(optionFacts, {
    type: 'object or host path',
    allowed:
      "a profile in Docker's form that allows at most what the package's own does, or the path of one on this host",
  }) as unknown as z.ZodType<ResolvedSeccompOption, SeccompOption>

/**
 * Checks a profile that was read from a file.
 * @throws {InvalidOptionsError} listing every issue
 */
export function parseOwnSeccompProfile(raw: unknown): OwnSeccompProfile {
  return parseOptions(seccompProfileSchema, raw, 'seccomp profile')
}
