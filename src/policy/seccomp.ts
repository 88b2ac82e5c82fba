/**
 * The seccomp allow-lists of the guest and of the tracer.
 *
 * The files `images/seccomp/target.json` and `tracer.json` hold the rules with a comment each; this module makes of them
 * what an engine takes.
 * Everything that no rule allows gives EPERM, and what programs probe for gives ENOSYS, `splice` EINVAL. A number above the highest one that
 * the profile's names have gives ENOSYS too, which runc 1.1 adds by itself (libcontainer/seccomp/patchbpf).
 *
 * A profile can fail open: an empty object is no filter at all, and names that libseccomp does not know are dropped in
 * silence. So the file is validated here, its names are checked in the tests, and the audit reads the kernel's own state.
 */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { InvalidOptionsError } from '../errors.js'
import type { SeccompProfile, SeccompRule } from './container-spec.js'

const ALLOW = 'SCMP_ACT_ALLOW'
const ERRNO = 'SCMP_ACT_ERRNO'

/** The largest errno that a filter can return: MAX_ERRNO of the kernel (include/linux/err.h). */
const MAX_ERRNO = 4095

const argumentSchema = z.strictObject({
  index: z.int().min(0).max(5),
  value: z.int().min(0),
  valueTwo: z.int().min(0),
  op: z.enum(['SCMP_CMP_EQ', 'SCMP_CMP_MASKED_EQ']),
})

const ruleSchema = z
  .strictObject({
    comment: z.string().min(1),
    names: z.array(z.string().regex(/^[a-z0-9_]+$/)).min(1),
    action: z.enum([ALLOW, ERRNO]),
    errnoRet: z.int().min(1).max(MAX_ERRNO).optional(),
    args: z.array(argumentSchema).min(1).optional(),
  })
  .refine((rule) => (rule.action === ERRNO) === (rule.errnoRet !== undefined), 'errnoRet belongs to SCMP_ACT_ERRNO')
  .refine(
    (rule) => unique((rule.args ?? []).map((argument) => argument.index)),
    'runc joins two tests of one argument by OR',
  )

const profileSchema = z
  .strictObject({
    defaultAction: z.literal(ERRNO),
    defaultErrnoRet: z.int().min(1).max(MAX_ERRNO),
    architectures: z.array(z.enum(['SCMP_ARCH_X86_64', 'SCMP_ARCH_AARCH64'])).min(1),
    syscalls: z.array(ruleSchema).min(1),
  })
  .refine(
    ({ syscalls }) => unique(syscalls.filter((rule) => rule.args === undefined).flatMap((rule) => rule.names)),
    'a name stands in two rules without arguments',
  )
  .refine(({ syscalls }) => {
    const unconditional = new Set(syscalls.filter((rule) => rule.args === undefined).flatMap((rule) => rule.names))
    return syscalls.every((rule) => rule.args === undefined || !rule.names.some((name) => unconditional.has(name)))
  }, 'a name stands in a rule without arguments, which makes those with arguments void')

/** The engine's words for a machine (`uname -m`, Go and Node) and the one libseccomp token that is native there. */
const NATIVE_ARCHITECTURE: ReadonlyMap<string, string> = new Map([
  ['x86_64', 'SCMP_ARCH_X86_64'],
  ['amd64', 'SCMP_ARCH_X86_64'],
  ['x64', 'SCMP_ARCH_X86_64'],
  ['aarch64', 'SCMP_ARCH_AARCH64'],
  ['arm64', 'SCMP_ARCH_AARCH64'],
])

/**
 * Validates a profile in the form of `images/seccomp/target.json` and drops its comments.
 * @throws {InvalidOptionsError} when it allows by default, is empty, or holds a rule that an engine would read otherwise.
 */
export function parseSeccompProfile(raw: unknown): SeccompProfile {
  const parsed = profileSchema.safeParse(raw)
  if (!parsed.success) {
    throw new InvalidOptionsError(`The seccomp profile is not valid: ${z.prettifyError(parsed.error)}`, {
      details: { issues: parsed.error.issues },
    })
  }
  const { syscalls, ...profile } = parsed.data
  const rules = syscalls.map(({ names, action, errnoRet, args }): SeccompRule => ({
    names,
    action,
    ...(errnoRet === undefined ? {} : { errnoRet }),
    ...(args === undefined ? {} : { args }),
  }))
  return { ...profile, syscalls: rules }
}

/**
 * The profile for one machine: only its native architecture, so that 32-bit and x32 calls end with SIGSYS.
 * @param machine the engine's architecture, for example `x86_64` or `aarch64`.
 * @throws {InvalidOptionsError} for a machine that the profile was not written for.
 */
export function forArchitecture(profile: SeccompProfile, machine: string): SeccompProfile {
  const native = NATIVE_ARCHITECTURE.get(machine)
  if (native === undefined || !profile.architectures.includes(native)) {
    const allowed = [...NATIVE_ARCHITECTURE.keys()].join(', ')
    throw new InvalidOptionsError(`There is no seccomp profile for the machine '${machine}'. Allowed: ${allowed}.`)
  }
  return { ...profile, architectures: [native] }
}

/** A profile of this package, read once. */
function profileFile(name: string): () => SeccompProfile {
  let profile: SeccompProfile | undefined
  const file = new URL(`../../images/seccomp/${name}.json`, import.meta.url)
  return () => (profile ??= parseSeccompProfile(JSON.parse(readFileSync(file, 'utf8'))))
}

const target = profileFile('target')
const tracer = profileFile('tracer')

/**
 * The guest's profile for the engine's machine.
 * @param machine the engine's architecture, for example `x86_64` or `aarch64`.
 * @throws {InvalidOptionsError} for a machine that the profile was not written for.
 */
export function targetSeccompProfile(machine: string): SeccompProfile {
  return forArchitecture(target(), machine)
}

/**
 * The profile of the tracer beside a sandbox, for the engine's machine: what strace and its launcher need and nothing else.
 * @param machine the engine's architecture, for example `x86_64` or `aarch64`.
 * @throws {InvalidOptionsError} for a machine that the profile was not written for.
 */
export function tracerSeccompProfile(machine: string): SeccompProfile {
  return forArchitecture(tracer(), machine)
}

/** A refusal that a test wants to recognise: the call, narrowed by arguments where the profile allows other ones. */
export interface SeccompMarker {
  readonly name: string
  readonly args?: SeccompRule['args']
  /** An errno that the kernel never returns by itself, for example 3001. Range 1 to 4095. */
  readonly errno: number
}

/**
 * A variant of a profile for tests: the marked calls give an errno of their own, so that a test sees that seccomp refused
 * them and nothing else did. It refuses exactly what the profile refuses.
 * @throws {InvalidOptionsError} when a marker names a call that the profile allows without arguments.
 */
export function markerVariant(profile: SeccompProfile, markers: readonly SeccompMarker[]): SeccompProfile {
  const whole = new Set(markers.filter((marker) => marker.args === undefined).map((marker) => marker.name))
  const kept = profile.syscalls.flatMap((rule) => {
    if (rule.action === ALLOW) {
      const allowed = markers.find(
        (marker) => rule.names.includes(marker.name) && (rule.args === undefined || marker.args === undefined),
      )
      if (allowed !== undefined)
        throw new InvalidOptionsError(`The profile allows ${allowed.name}: there is no refusal to mark.`)
      return [rule]
    }
    const names = rule.names.filter((name) => !whole.has(name))
    return names.length === 0 ? [] : [{ ...rule, names }]
  })
  const added = markers.map(({ name, args, errno }): SeccompRule => ({
    names: [name],
    action: ERRNO,
    errnoRet: errno,
    ...(args === undefined ? {} : { args }),
  }))
  return { ...profile, syscalls: [...kept, ...added] }
}

function unique(values: readonly unknown[]): boolean {
  return new Set(values).size === values.length
}
