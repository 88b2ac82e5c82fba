/** The public names of container-sandbox. */
export { ContainerSandbox } from './sandbox/container-sandbox.js'
export type { SandboxEvents, SandboxUser } from './sandbox/container-sandbox.js'
export type { CommandOutcome } from './sandbox/outcome.js'
export type { CommandResult } from './sandbox/run-command.js'
export { SandboxProcess } from './sandbox/sandbox-process.js'
export type { CommandReport, SandboxProcessEvents, SignalScope } from './sandbox/sandbox-process.js'
export type { SandboxRpc, ExposedObject } from './sandbox/sandbox-rpc.js'
export type { DirectoryEntry, SandboxFileSystem, TransferReport } from './sandbox/file-system.js'
export type { SandboxState } from './sandbox/state.js'
export type { IsolationReport } from './sandbox/verify.js'

export { DockerDriver } from './driver/docker/docker-driver.js'
export type {
  ContainerExit,
  ContainerHandle,
  ContainerSummary,
  ContainerUsage,
  EngineInfo,
  ImageFacts,
  ImageStore,
  PruneReport,
  SandboxDriver,
} from './driver/driver.js'
export type { ContainerSpec, SeccompProfile } from './policy/container-spec.js'
export type { Mismatch, Observation } from './policy/observation.js'
export { ImageBuilder } from './image/index.js'
export { UserAllocator } from './users/index.js'

export { callOptionsSchema, commandOptionsSchema, sandboxOptionsSchema } from './options/index.js'
export type {
  CallOptions,
  CommandOptions,
  DownloadOptions,
  MakeFolderOptions,
  ReadFileOptions,
  RemoveOptions,
  ResolvedSandboxOptions,
  SandboxOptions,
  SpawnOptions,
  TransferOptions,
  WriteFileOptions,
} from './options/index.js'

export {
  CallTimeoutError,
  CapacityError,
  CommandFailedError,
  EngineRequestError,
  EngineUnavailableError,
  GuestFileError,
  HomeError,
  HostFileError,
  ImageError,
  InvalidOptionsError,
  InvalidStateError,
  LockupError,
  PolicyMismatchError,
  ProgramError,
  ProtocolError,
  RpcError,
  SandboxError,
  SandboxExitedError,
  SpawnError,
  StartupError,
  UnsafeArchiveError,
  UnsendableError,
  UserError,
} from './errors.js'
export type { ExitReason, SandboxErrorOptions } from './errors.js'
