/** What the other folders use of the options. */
export { parseArgv, type CommandArgv } from './argv.js'
export { DEFAULT_BASE } from './base.js'
export { callOptionsSchema, parseCallOptions, type CallOptions, type ParsedCallOptions } from './call-options.js'
export {
  commandOptionsSchema,
  DEFAULT_KILL_SIGNAL,
  parseCommandOptions,
  parseSpawnOptions,
  spawnOptionsSchema,
  type CommandDefaults,
  type CommandInput,
  type CommandOptions,
  type ParsedCommandOptions,
  type ParsedSpawnOptions,
  type SpawnOptions,
} from './command-options.js'
export {
  fileDirectorySchema,
  parseFileDirectoryOptions,
  parseUnixDirectoryOptions,
  unixDirectorySchema,
  type FileDirectoryOptions,
  type UnixDirectoryOptions,
} from './directory-options.js'
export { describeValue } from './describe-value.js'
export {
  DEFAULT_REQUEST_TIMEOUT_MS,
  driverOptionsSchema,
  parseDriverOptions,
  type DriverOptions,
  type ParsedDriverOptions,
} from './driver-options.js'
export {
  archiveOptionsSchema,
  downloadOptionsSchema,
  makeFolderOptionsSchema,
  parseArchive,
  parseArchiveOptions,
  parseDownloadOptions,
  parseFileData,
  parseHostFolder,
  parseMakeFolderOptions,
  parseReadFileOptions,
  parseRemoveOptions,
  parseTransferOptions,
  parseWriteFileOptions,
  readFileOptionsSchema,
  removeOptionsSchema,
  transferOptionsSchema,
  writeFileOptionsSchema,
  type ArchiveOptions,
  type DownloadOptions,
  type FileData,
  type MakeFolderOptions,
  type ReadFileOptions,
  type RemoveOptions,
  type TransferOptions,
  type WriteFileOptions,
} from './file-options.js'
export { fileUserSchema, isFilePassword, parseFileUser, type FileUserOptions } from './file-user-options.js'
export { MAX_PATH_BYTES, normalizeGuestPath, parseGuestPath } from './guest-path.js'
export {
  parseReloadOptions,
  reloadOptionsSchema,
  type ParsedReloadOptions,
  type ReloadOptions,
} from './reload-options.js'
export { LABEL_PREFIX } from './labels.js'
export { DEFAULT_LIMITS, limitsSchema, type LimitsOptions, type ResolvedLimits } from './limits.js'
export {
  loginGuardSchema,
  parseLoginGuardOptions,
  type LoginGuardOptions,
  type ResolvedLoginGuardOptions,
} from './login-guard-options.js'
export { loginSchema, parseLoginOptions, type LoginOptions, type ParsedLogin } from './login-options.js'
export { findMountClash, mountPointProblem, mountSourceProblem } from './mount-rules.js'
export { DEFAULT_WRITABLE, mountSchema, type MountOptions, type ResolvedMount } from './mounts.js'
export { DEFAULT_NETWORK } from './network.js'
export { group, MAX_TIMER_MS } from './option.js'
export { formatIssue, formatPath, invalidOptions, parseOptions, UNKNOWN_OPTION, type OptionIssue } from './parse.js'
export { DEFAULT_RUNTIME, isGvisor } from './runtime.js'
export {
  isPlugin,
  parsePluginDefinition,
  parsePluginHooks,
  parsePluginManifest,
  pluginDefinitionSchema,
} from './plugin-definition.js'
export type { PluginEntry, ResolvedPluginEntry } from './plugins-option.js'
export {
  parseSandboxOptions,
  sandboxOptionsSchema,
  type ResolvedSandboxOptions,
  type SandboxOptions,
} from './sandbox-options.js'
export { isPossiblePassword } from './secret.js'
export { formatSize, parseSize } from './size.js'
export { DEFAULT_TIMEOUTS, timeoutsSchema, type ResolvedTimeouts, type TimeoutsOptions } from './timeouts.js'
export { isMappedAddress, type ConnectPattern } from './trace-address.js'
export { escapeGlob, parseGlob, type GlobPart, type GlobRange } from '../glob/index.js'
export {
  traceSchema,
  type OnViolation,
  type ResolvedTraceOptions,
  type ResolvedTracePolicy,
  type TraceObjectOptions,
  type TraceOptions,
  type ViolationDecision,
} from './trace-options.js'
export {
  parsePath,
  parseRegExp,
  type PathPattern,
  type RegExpText,
  type ResolvedPathPattern,
  type TracePattern,
} from './trace-pattern.js'
export { parseTracePolicyFile, type TracePolicyFile } from './trace-policy-file.js'
export { TRACE_DEFAULTS, type TracePathList, type TraceSetName } from './trace-sets.js'
export { userNameProblem } from './user-name.js'
export {
  DEFAULT_USER_RANGE,
  parseUserRange,
  userRangeSchema,
  type ResolvedUserRange,
  type UserRangeOptions,
} from './user-range-options.js'
export { MAX_ID, userSchema, type ResolvedUser, type UserOptions } from './user.js'
export {
  buildArtifactsSchema,
  buildCacheSchema,
  buildOptionsSchema,
  buildWorkspaceSchema,
  DEFAULT_BUILD_TIMEOUT_MS,
  MIN_SECRET_CHARACTERS,
  parseBuildOptions,
  type BuildOptions,
  type ResolvedBuildArtifacts,
  type ResolvedBuildCache,
  type ResolvedBuildOptions,
  type ResolvedBuildWorkspace,
} from './build-options.js'
export {
  bundleSourceSchema,
  buildSourceSchema,
  folderSourceSchema,
  gitSourceSchema,
  tarSourceSchema,
  type BuildSource,
  type ResolvedBuildSource,
} from './build-source.js'
export { buildStepSchema, type BuildStep, type ResolvedBuildStep } from './build-step.js'
export {
  cacheStoreSchema,
  parseRunnerCloseOptions,
  parseRunnerOptions,
  runnerCloseOptionsSchema,
  runnerOptionsSchema,
  runnerPoolSchema,
  runnerQueueSchema,
  tenantPolicySchema,
  type ResolvedRunnerOptions,
  type RunnerCloseOptions,
  type RunnerOptions,
} from './runner-options.js'
export { rootTenant, tenantOption, tenantProblem } from './tenant-name.js'
export { normalizeWorkspacePath, workspacePathOption, workspacePathProblem } from './workspace-path.js'
export {
  fairQueueSchema,
  parseFairJob,
  parseFairQueueOptions,
  parsePriority,
  parseTenant,
  parseTenantJob,
  parseTenantQueueOptions,
  tenantQueueSchema,
  type FairJobOptions,
  type FairQueueOptions,
  type ResolvedFairQueueOptions,
  type ResolvedTenantQueueOptions,
  type TenantJobOptions,
  type TenantQueueOptions,
} from './queue-options.js'
export {
  parseToolchainOptions,
  TOOLCHAIN_PACKAGES,
  TOOLCHAIN_PHASES,
  toolchainOptionsSchema,
  type ResolvedToolchainOptions,
  type ToolchainOptions,
  type ToolchainPhase,
  type ToolchainProgress,
} from './toolchain-options.js'
export { metricsOptionsSchema, type MetricsOptions } from './metrics-options.js'
export {
  acquireOptionsSchema,
  poolCloseOptionsSchema,
  poolOptionsSchema,
  releaseOptionsSchema,
  type AcquireOptions,
  type PoolCloseOptions,
  type PoolOptions,
  type ReleaseOptions,
} from './pool-options.js'
