/**
 * From options to the request for an engine: the whole posture of a sandbox in one pure function.
 *
 * Nothing here is left to an engine's default, and nothing weaker than the posture can be asked for: root, the host's
 * network and unlimited (0 or −1, as engines read them) are refused here too, whoever built the options.
 */
import { InvalidOptionsError } from '../errors.js'
import type { BindMount, ContainerSpec, ResourceLimits, SeccompProfile } from './container-spec.js'
import { executableFiles } from './gvisor.js'
import { MASKED_PATHS, READONLY_PATHS } from './kernel-paths.js'
import { assertMounts } from './mounts.js'
import { targetSeccompProfile } from './seccomp.js'
import { assertScratchFitsMemory, buildScratchMounts, defaultShmBytes } from './scratch.js'
import { allowFilterInstall } from './traced-seccomp.js'

/** The part of a sandbox's options that decides its posture. */
export interface PolicyOptions {
  readonly limits: {
    readonly memoryBytes: number
    readonly cpuCount: number
    readonly pids: number
    readonly openFiles: number
    readonly scratchBytes: number
    /** `null`: {@link defaultShmBytes}. */
    readonly shmBytes: number | null
    readonly lifetimeMs: number
  }
  readonly mounts: readonly BindMount[]
  readonly writable: readonly string[]
  /** Sizes in bytes of writable paths that differ from `limits.scratchBytes`. Default none. */
  readonly scratch?: Readonly<Record<string, number>>
  readonly network: string
  readonly runtime: string
}

/** What belongs to this one sandbox and is no option. */
export interface PolicyContext {
  readonly image: string
  readonly uid: number
  readonly gid: number
  readonly labels: Readonly<Record<string, string>>
  /** The guest's profile for the engine's machine. Default: for this machine; on another one, nothing would start. */
  readonly seccomp?: SeccompProfile
  /** How the init waits for a tracer before it starts anything. Default `null`: it does not. */
  readonly trace?: InitTrace | null
  /** What the image sets; the supervisor is started without it, but the engine reports it. Default empty. */
  readonly imageEnv?: Readonly<Record<string, string>>
  /** The image's `VOLUME` paths: each becomes a scratch folder, or an engine would make a volume of any size on its disk. Default none. */
  readonly volumes?: readonly string[]
  /** The host's folders of the base `host`, read-only. Default none. */
  readonly baseMounts?: readonly BindMount[]
  /** See `EngineInfo.ownPaths`. Default none. */
  readonly enginePaths?: readonly string[]
}

/** What the init of a traced sandbox is told. */
export interface InitTrace {
  /** `named`: only calls that name something stop, by a filter of the init's own. `all`: every call does. */
  readonly calls: 'named' | 'all'
  /** The init stays on the CPU that it starts on, with all its descendants and the tracer. */
  readonly pinCpu: boolean
}

/** The same for every sandbox, so that a build does not depend on it. */
const HOSTNAME = 'sandbox'

/**
 * Flags of the supervisor's node: one worker of V8 instead of four, since threads count against the guest's pids; and an
 * empty OpenSSL configuration, since the one that is compiled in names a path that a home may hold, and such a file can
 * load native code. No flag of V8 itself: with one, V8 refuses the code cache in node's binary, and starting takes 6 ms
 * more (33 ms instead of 27).
 */
const NODE_FLAGS = ['--v8-pool-size=1', '--openssl-config=/.sandbox/openssl.cnf']

/** The largest uid: (uid_t) −1 means "no change" to setresuid(2). */
const MAX_ID = 0xffff_fffe

/** The engine's own least memory (moby `daemon_unix.go`, linuxMinMemory). */
const MIN_MEMORY_BYTES = 6 * 1024 * 1024

/**
 * Builds what is asked of an engine for one sandbox.
 *
 * `env` of the options is not part of it: the supervisor gives it to commands, so it does not show in the engine's records.
 * @throws {InvalidOptionsError} for an identity, limit, network or mount that would weaken the sandbox, or when the writable
 * paths could hold more than the memory.
 */
export function buildContainerSpec(options: PolicyOptions, context: PolicyContext): ContainerSpec {
  assertId(context.uid, 'uid')
  assertId(context.gid, 'gid')
  assertName(options.network, 'network')
  assertName(options.runtime, 'runtime')
  if (options.network === 'host') {
    throw new InvalidOptionsError(
      "network is 'host': a sandbox never shares the host's network. Use 'none' or a network of its own.",
    )
  }
  const limits = buildLimits(options.limits)
  const mounts = [...options.mounts, ...(context.baseMounts ?? [])]
  const covered = new Set([...options.writable, ...mounts.map((mount) => mount.target)])
  const writable = [...options.writable, ...(context.volumes ?? []).filter((path) => !covered.has(path))]
  assertMounts(mounts, writable, context.enginePaths)
  const scratch = buildScratchMounts(writable, options.limits.scratchBytes, options.scratch)
  assertScratchFitsMemory(scratch, limits.shmBytes, limits.memoryBytes)
  const trace = context.trace ?? null
  const seccomp = context.seccomp ?? targetSeccompProfile(process.arch)

  return {
    image: context.image,
    argv: buildArgv(options.limits.lifetimeMs, options.runtime, trace),
    env: { ...context.imageEnv },
    hostname: HOSTNAME,
    uid: context.uid,
    gid: context.gid,
    capabilities: [],
    pidNamespaceOf: null,
    traced: trace !== null,
    limits,
    scratch,
    mounts,
    network: options.network,
    runtime: options.runtime,
    seccomp: trace?.calls === 'named' ? allowFilterInstall(seccomp) : seccomp,
    maskedPaths: MASKED_PATHS,
    readonlyPaths: READONLY_PATHS,
    labels: context.labels,
  }
}

/**
 * The container's first process: the init, which starts the supervisor through its own loader.
 * @param lifetimeMs after this the init ends the sandbox, whether a host listens or not.
 * @param runtime decides which of their files are executed, see {@link executableFiles}. Default `runc`.
 * @param trace makes the init wait for a tracer. Default: it does not.
 */
export function buildArgv(lifetimeMs: number, runtime = 'runc', trace: InitTrace | null = null): string[] {
  assertPositive(lifetimeMs, 'limits.lifetimeMs')
  const { init, loader } = executableFiles(runtime)
  return [
    init,
    '--lifetime-ms',
    String(lifetimeMs),
    ...(trace === null ? [] : ['--trace', trace.calls]),
    ...(trace?.pinCpu === true ? ['--pin-cpu'] : []),
    '--',
    loader,
    '--inhibit-cache',
    '--library-path',
    '/.sandbox/lib',
    '/.sandbox/bin/node',
    ...NODE_FLAGS,
    '/.sandbox/shovel.cjs',
  ]
}

function buildLimits(limits: PolicyOptions['limits']): ResourceLimits {
  const { memoryBytes, cpuCount, pids, openFiles } = limits
  for (const name of ['memoryBytes', 'pids', 'openFiles', 'scratchBytes'] as const)
    assertPositive(limits[name], `limits.${name}`)
  if (memoryBytes < MIN_MEMORY_BYTES) {
    throw new InvalidOptionsError(`limits.memoryBytes is ${memoryBytes}: engines take ${MIN_MEMORY_BYTES} or more.`)
  }
  // The engine's NanoCpus and the kernel's quota of 1,000 µs in 100,000 (sched-bwc) end here.
  if (!Number.isFinite(cpuCount) || cpuCount < 0.01)
    throw new InvalidOptionsError(`limits.cpuCount is ${cpuCount}: 0.01 or more is needed.`)
  const shmBytes = limits.shmBytes ?? defaultShmBytes(memoryBytes)
  assertPositive(shmBytes, 'limits.shmBytes')
  return { memoryBytes, cpuCount, pids, openFiles, shmBytes }
}

function assertPositive(value: number, name: string): void {
  if (Number.isSafeInteger(value) && value > 0) return
  throw new InvalidOptionsError(
    `${name} is ${value}: a whole number above 0 is needed (engines read 0 and -1 as unlimited).`,
  )
}

function assertId(id: number, name: string): void {
  if (Number.isInteger(id) && id > 0 && id <= MAX_ID) return
  throw new InvalidOptionsError(`${name} is ${id}: a mapped id from 1 to ${MAX_ID} is needed; root is never used.`)
}

/** Engines give `host`, `container:<id>` and `ns:<path>` a meaning; a plain name cannot hold a colon or slash. */
function assertName(name: string, what: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/.test(name)) return
  throw new InvalidOptionsError(
    `${what} is ${JSON.stringify(name.slice(0, 200))}: a plain name is needed, at most 128 of A-Z a-z 0-9 _ . -`,
  )
}
