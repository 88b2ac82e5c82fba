/** From the calls that a program was seen to use: a profile for it that refuses all others. */
import type { SeccompProfile, SeccompRule } from './container-spec.js'
import { SECCOMP_BASELINE, SECCOMP_FILE_CALLS } from './seccomp-baseline.js'

/** What else must work under a tightened profile. */
export interface TightenOptions {
  /** Whether `sandbox.fs` is to make, move and remove files and folders. Without, it still reads and writes files. Default `true`. */
  readonly files?: boolean
}

/**
 * Takes out of a profile what neither a program nor the sandbox itself uses. It never adds anything: a call that is used
 * and was not allowed stays refused, conditions on arguments stay as they are, and so do rules that refuse.
 *
 * @param used names of system calls, as strace gives them; complete only from a run with `trace.calls: 'all'`
 */
export function tightenSeccomp(
  profile: SeccompProfile,
  used: Iterable<string>,
  { files = true }: TightenOptions = {},
): SeccompProfile {
  const kept = new Set([
    ...SECCOMP_BASELINE.flatMap(({ names }) => names),
    ...(files ? SECCOMP_FILE_CALLS : []),
    ...used,
  ])
  const syscalls = profile.syscalls.flatMap((rule): SeccompRule[] => {
    if (rule.action !== 'SCMP_ACT_ALLOW') return [rule]
    const names = rule.names.filter((name) => kept.has(name))
    return names.length === 0 ? [] : [{ ...rule, names }]
  })
  return { ...profile, syscalls }
}
