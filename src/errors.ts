/**
 * Every error of the package. One root class, one code per kind of failure.
 *
 * A failing guest command is a result (`outcome`), never one of these. An error means that the package, the engine or
 * the host failed, that the guest broke the protocol, or that the caller misused the API.
 */
export { SandboxError, type SandboxErrorOptions } from './errors/sandbox-error.js'
export { InvalidOptionsError, InvalidStateError, UnsendableError, CapacityError, PluginError } from './errors/usage.js'
export { EngineUnavailableError, EngineRequestError, ImageError, HomeError, HostFileError } from './errors/engine.js'
export { UserError, LoginFailedError, LoginUnavailableError } from './errors/user.js'
export {
  PolicyMismatchError,
  StartupError,
  ProgramError,
  ProtocolError,
  type ExitReason,
  SandboxExitedError,
  TraceUnavailableError,
  JailbreakError,
  LockupError,
} from './errors/sandbox.js'
export {
  CallTimeoutError,
  RpcError,
  GuestFileError,
  SpawnError,
  UnsafeArchiveError,
  CommandFailedError,
} from './errors/guest.js'
export { QueueFullError, AcquireTimeoutError, SourceError, WorkspaceError, ArtifactError } from './errors/build.js'
