/**
 * The read-back audit: what was asked for against what is in force.
 *
 * A request can be taken without an error and still not be in force: an empty seccomp profile, an engine that does not
 * know a field, a kernel without swap accounting, a plugin that rewrites requests. So after start every field is compared,
 * with the engine's record and with the kernel's own state, and a sandbox with one difference does not live.
 */
import { PolicyMismatchError } from '../errors.js'
import { compareEngine } from './audit-engine.js'
import { compareKernel } from './audit-kernel.js'
import { selectAuditProfile, type AuditProfile } from './audit-profile.js'
import { Findings } from './audit-findings.js'
import type { ContainerSpec } from './container-spec.js'
import type { Mismatch, Observation } from './observation.js'

/** Differences that the message of the error names; a whole wrong identity gives some for each thread. */
const MAX_TOLD = 12

/**
 * Compares a running container with its spec.
 * @param profile the accepted differences of this engine and runtime. Default: that of Docker and the spec's runtime, remote
 * when the observation says that its kernel facts are the guest's (the host sets that word, not the guest).
 * @returns every difference; empty when all is in force. Facts that are missing are differences.
 */
export function auditContainer(spec: ContainerSpec, observation: Observation, profile?: AuditProfile): Mismatch[] {
  const accepted = profile ?? selectAuditProfile(spec.runtime, { local: observation.kernel?.source !== 'guest' })
  const engine = new Findings('engine')
  compareEngine(engine, spec, observation.engine, accepted)
  const kernel = new Findings('kernel')
  // A tracer has no supervisor inside that could be asked: on a remote engine the engine's record is all there is of it.
  const isUnseen = spec.pidNamespaceOf !== null && accepted.kernelSource === 'guest'
  if (observation.kernel === null && isUnseen) return engine.mismatches
  if (observation.kernel === null) kernel.add('kernel', `facts from the ${accepted.kernelSource}`, 'none')
  else compareKernel(kernel, spec, observation.kernel, accepted)
  return [...engine.mismatches, ...kernel.mismatches]
}

/** @throws {PolicyMismatchError} when {@link auditContainer} finds a difference; `details.mismatches` lists them all. */
export function assertAudit(spec: ContainerSpec, observation: Observation, profile?: AuditProfile): void {
  const mismatches = auditContainer(spec, observation, profile)
  if (mismatches.length === 0) return
  const lines = mismatches
    .slice(0, MAX_TOLD)
    .map(({ source, field, wanted, found }) => `${field} (${source}): wanted ${wanted}, found ${found}`)
  const more = mismatches.length > MAX_TOLD ? `; and ${mismatches.length - MAX_TOLD} more` : ''
  throw new PolicyMismatchError(`The container is not as it was asked for. ${lines.join('; ')}${more}.`, {
    details: { mismatches },
  })
}
