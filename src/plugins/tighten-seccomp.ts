/** Whether a seccomp profile that a plugin chose is no looser than the one that was there. */
import { isDeepStrictEqual } from 'node:util'
import type { ResolvedSandboxOptions } from '../options/index.js'
import { findLooserCall } from '../policy/index.js'

type Seccomp = ResolvedSandboxOptions['seccomp']

const ALLOW = 'SCMP_ACT_ALLOW'

/**
 * In the place of the package's own profile every other one is stricter: it is compared with that when the sandbox is launched.
 * In the place of a caller's profile there can be one that allows less and is the same for the rest. A file's content is not
 * known here.
 * @returns `''` when it is looser, or when that cannot be told; else `null`
 */
export function looserSeccomp(before: Seccomp, after: Seccomp): string | null {
  if (before === null || isDeepStrictEqual(before, after)) return null
  if (after === null || typeof before === 'string' || typeof after === 'string') return ''
  const { syscalls, ...rest } = after
  const { syscalls: oldSyscalls, ...oldRest } = before
  const refusals = (rules: typeof syscalls) => rules.filter(({ action }) => action !== ALLOW)
  const isSameBeside = isDeepStrictEqual(rest, oldRest) && isDeepStrictEqual(refusals(syscalls), refusals(oldSyscalls))
  return isSameBeside && findLooserCall(after, before) === null ? null : ''
}
