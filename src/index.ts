/**
 * The public names of container-sandbox, from the outside in: the sandbox and what it hands out, the driver below it, the
 * images it runs, its options, its errors. Whatever is not exported here can change at any time.
 */

// The sandbox, and what its members take and return.
export { ContainerSandbox } from './sandbox/container-sandbox.js'
export type { SandboxEvents, SandboxUser } from './sandbox/container-sandbox.js'
export type { SandboxState } from './sandbox/state.js'
export type { CommandResult } from './sandbox/run-command.js'
export type { CommandOutcome } from './sandbox/outcome.js'
export { SandboxProcess } from './sandbox/sandbox-process.js'
export type { CommandReport, SandboxProcessEvents, SignalScope } from './sandbox/sandbox-process.js'
export type { ExposedObject, SandboxRpc } from './sandbox/sandbox-rpc.js'
export type { RpcCallContext, RpcMethod } from './protocol/index.js'
export type { DirectoryEntry, SandboxFileSystem, TransferReport } from './sandbox/file-system.js'
export type { FileStat } from './protocol/index.js'
export type { IsolationReport } from './sandbox/verify.js'

// Trace mode: what a guest does, and what it may do.
export type {
  AccessEvent,
  ConnectionUse,
  GapEvent,
  KillEvent,
  LearnedPattern,
  LearnedPolicy,
  NameUse,
  ProcessEvent,
  ProgramUse,
  RefusedEvent,
  RefusedUse,
  SandboxTrace,
  SocketEvent,
  TraceAccess,
  TraceCounts,
  TraceEvent,
  TraceEventBase,
  TraceMode,
  TraceSummary,
  UnknownEvent,
  Violation,
} from './trace/index.js'
export { mergeLearned } from './trace/index.js'

// Plugins: what takes part in the life of a sandbox.
export { definePlugin } from './plugins/index.js'
export type {
  Plugin,
  PluginContext,
  PluginDefinition,
  PluginExit,
  PluginHostHooks,
  PluginHostPart,
  PluginManifest,
  PluginRpc,
} from './plugins/index.js'

// Builds: what a build service needs around the sandbox.
export { BuildRunner } from './runner/build-runner.js'
export type { RunnerStats } from './runner/build-runner.js'
export type { Build } from './runner/build.js'
export type {
  ArtifactFile,
  BuildEvent,
  BuildEventBody,
  BuildFailure,
  BuildOutcome,
  BuildResult,
  BuildState,
  CacheResult,
  StepResult,
} from './runner/build-events.js'
export type { BuildRecord } from './runner/build-record.js'
export { readBuildLog } from './runner/log/index.js'
export type { BuildLogReader, ReadLogOptions } from './runner/log/index.js'
export { SandboxLease, SandboxPool } from './pool/index.js'
export type { DiscardReason, HistogramSnapshot, PoolStats, TemplateStats } from './pool/index.js'
export { FairQueue, TenantQueue } from './queue/index.js'
export type { JobContext, QueueDepth } from './queue/index.js'

// What the package tells about itself.
export { MetricsEndpoint } from './sandbox/metrics-endpoint.js'
export {
  CHANNELS,
  consoleLogger,
  COUNTERS,
  GAUGES,
  HISTOGRAMS,
  logRecord,
  metricsText,
  MetricsRegistry,
  noLogger,
  registerGauges,
  SPANS,
} from './telemetry/index.js'
export type {
  BuildEndMessage,
  BuildStartMessage,
  BuildSubmitMessage,
  ChannelMessages,
  ChannelName,
  CommandEndMessage,
  CommandStartMessage,
  ConsoleLoggerOptions,
  EngineRequestMessage,
  Logger,
  LogLevel,
  LogRecord,
  LogValue,
  PoolAcquireMessage,
  PoolDiscardMessage,
  PrometheusRegistry,
  QueueRejectMessage,
  SandboxEndMessage,
  SandboxStartMessage,
} from './telemetry/index.js'

// Users: where accounts come from, who checks passwords, and what slows down guessing.
export { FileAuthenticator, FileDirectory, LoginGuard, UnixAuthenticator, UnixDirectory } from './users/index.js'
export type {
  AccountKey,
  Attempt,
  Authenticator,
  Credentials,
  DirectoryUser,
  FileUser,
  UnixUser,
  UserDirectory,
} from './users/index.js'

// The driver: what starts containers. Other engines implement `SandboxDriver`.
export { DockerDriver } from './driver/docker/docker-driver.js'
export type {
  ContainerExit,
  ContainerHandle,
  ContainerSummary,
  ContainerUsage,
  CreatedContainer,
  EngineFacilities,
  EngineInfo,
  ImageBuild,
  ImageFacts,
  ImagePath,
  ImageStore,
  PruneReport,
  SandboxDriver,
} from './driver/driver.js'

// The posture: what a driver is asked for, and what is read back and compared.
export type {
  BindMount,
  Capability,
  ContainerSpec,
  EngineObservation,
  KernelObservation,
  Mismatch,
  MountEntry,
  Observation,
  ResourceLimits,
  ScratchMount,
  SeccompProfile,
  SeccompRule,
  ThreadStatus,
} from './policy/index.js'

// A stricter seccomp profile for one program.
export { targetSeccompProfile, tightenSeccomp } from './policy/index.js'
export type { TightenOptions } from './policy/index.js'

// Images, for making them before they are needed.
export { buildToolchain } from './sandbox/build-toolchain.js'
export { ImageBuilder } from './image/index.js'
export type {
  HomeLimits,
  ImageBuilderOptions,
  ImageRequest,
  LayerMethod,
  PreparedImage,
  Toolchain,
} from './image/index.js'

// Options: a schema for every object that a caller gives, and what it takes and makes of it.
export * from './public-options.js'

// Errors: one root class, one code for each kind of failure.
export * from './errors.js'
