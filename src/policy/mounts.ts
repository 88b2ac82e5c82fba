/**
 * The mounts of a request: the rules of the options once more, whoever built the request.
 *
 * Those rules look at texts. What a source really is shows `resolveMountSources`, and that is a check at one moment: a source
 * that somebody swaps between the check and the engine's own mount is mounted as the engine finds it. So a source must lie in
 * a folder that no tenant can write to.
 */
import { InvalidOptionsError } from '../errors.js'
import { findMountClash, mountPointProblem, mountSourceProblem, normalizeGuestPath } from '../options/index.js'
import { quoteText } from '../printable.js'
import type { BindMount } from './container-spec.js'

/**
 * Checks a host path by its text alone.
 * @param what what the path is, for the message, for example `mounts[0].source`.
 * @param enginePaths see `EngineInfo.ownPaths`.
 * @throws {InvalidOptionsError} for what `mountSourceProblem` refuses, and for a path that is not in normal form.
 */
export function assertMountSource(source: string, what: string, enginePaths: readonly string[] = []): void {
  refuse(source, what, mountSourceProblem(source, enginePaths) ?? normalFormProblem(source))
}

/**
 * Checks bind mounts and writable paths, each by itself and against each other.
 * @param enginePaths see {@link assertMountSource}.
 * @throws {InvalidOptionsError} for a path that may not be mounted or mounted over, and for two that clash.
 */
export function assertMounts(
  mounts: readonly BindMount[],
  writable: readonly string[],
  enginePaths: readonly string[] = [],
): void {
  for (const [index, { source, target }] of mounts.entries()) {
    assertMountPoint(target, `mounts[${index}].target`)
    assertMountSource(source, `mounts[${index}].source`, enginePaths)
  }
  for (const [index, path] of writable.entries()) assertMountPoint(path, `writable[${index}]`)
  const clash = findMountClash(mounts, writable)
  if (clash !== null) refuse(clash.target, `${clash.path[0]}[${clash.path[1]}]`, clash.reason)
}

function assertMountPoint(target: string, what: string): void {
  refuse(target, what, mountPointProblem(target) ?? normalFormProblem(target))
}

/** The engine is given the path as it is, and the audit compares it with what the kernel reports. */
function normalFormProblem(path: string): string | null {
  const normal = normalizeGuestPath(path)
  return normal === path ? null : `write it in normal form, ${quoteText(normal, 200)}`
}

function refuse(path: string, what: string, problem: string | null): void {
  if (problem !== null) throw new InvalidOptionsError(`${what} is ${quoteText(path, 200)}: ${problem}.`)
}
