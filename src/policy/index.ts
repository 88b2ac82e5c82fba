/** From options to an engine's request, and back from what is in force. */
export { assertAudit, auditContainer } from './audit.js'
export { selectAuditProfile, type AuditProfile } from './audit-profile.js'
export {
  buildArgv,
  buildContainerSpec,
  type InitTrace,
  type PolicyContext,
  type PolicyOptions,
} from './build-container-spec.js'
export type {
  BindMount,
  Capability,
  ContainerSpec,
  ResourceLimits,
  ScratchMount,
  SeccompProfile,
  SeccompRule,
} from './container-spec.js'
export { kernelObservationFromGuest } from './guest-observation.js'
export { resolveMountSources } from './mount-sources.js'
export type {
  EngineObservation,
  KernelObservation,
  MountEntry,
  Mismatch,
  Observation,
  ThreadStatus,
} from './observation.js'
export { buildTmpfsOptions, buildUlimits, type Ulimit } from './posture.js'
export { findLooserCall } from './seccomp-containment.js'
export { sandboxSeccompProfile } from './own-seccomp.js'
export { targetSeccompProfile } from './seccomp.js'
export { tightenSeccomp, type TightenOptions } from './tighter-seccomp.js'
export { buildTracerSpec, type TracerContext } from './tracer-spec.js'
