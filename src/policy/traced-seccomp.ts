/**
 * The guest's profile in trace mode: the init adds a filter of its own, by which the kernel stops for the tracer at calls that
 * name something. That filter refuses every further one, so what is allowed here is the init's alone.
 */
import type { SeccompProfile, SeccompRule } from './container-spec.js'

/** `PR_SET_SECCOMP` of linux/prctl.h. */
const PR_SET_SECCOMP = 22

const RULE: SeccompRule = {
  names: ['prctl'],
  action: 'SCMP_ACT_ALLOW',
  // The first argument of prctl(2) is an int: the upper half is not defined.
  args: [{ index: 0, value: 0xffff_ffff, valueTwo: PR_SET_SECCOMP, op: 'SCMP_CMP_MASKED_EQ' }],
}

/**
 * Allows `prctl(PR_SET_SECCOMP)`. More filters only ever take away: the strictest answer of all of them counts (seccomp(2)).
 * @returns a profile that differs in this one rule.
 */
export function allowFilterInstall(profile: SeccompProfile): SeccompProfile {
  return { ...profile, syscalls: [...profile.syscalls, RULE] }
}
