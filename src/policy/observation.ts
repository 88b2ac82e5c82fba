/** What an engine and the kernel report about a running container: the input of the audit. */

/** The security state of one thread, from `/proc/<pid>/task/<tid>/status` (proc(5)). */
export interface ThreadStatus {
  readonly pid: number
  readonly tid: number
  readonly name: string
  readonly uids: readonly number[]
  readonly gids: readonly number[]
  readonly groups: readonly number[]
  /** Who traces it, in the reader's PID namespace; 0: nobody. */
  readonly tracerPid: number
  /** 0 off, 1 strict, 2 filter. */
  readonly seccompMode: number
  /** `null`: this kernel does not say. */
  readonly noNewPrivs: boolean | null
  /** The five capability sets as hexadecimal masks; `null` for a set that this kernel does not show. */
  readonly capabilities: Readonly<Record<'inheritable' | 'permitted' | 'effective' | 'bounding', string>> & {
    readonly ambient: string | null
  }
}

/** One line of `/proc/<pid>/mountinfo`. */
export interface MountEntry {
  readonly target: string
  readonly type: string
  readonly source: string
  /** Per-mount options, for example `rw`, `nosuid`, `nodev`. */
  readonly options: readonly string[]
  /** Options of the file system, for example `size=65536k`. */
  readonly superOptions: readonly string[]
}

/** What the kernel says, read from the engine's host or, for a remote engine, from inside. */
export interface KernelObservation {
  /** `host`: read outside the container, cannot be forged. `guest`: the supervisor inside said so. */
  readonly source: 'host' | 'guest'
  readonly threads: readonly ThreadStatus[]
  readonly mounts: readonly MountEntry[]
  /** Soft and hard limit by the name of `/proc/<pid>/limits`; `null` is unlimited. */
  readonly rlimits: Readonly<Record<string, { readonly soft: number | null; readonly hard: number | null }>>
  /** Interface names of the network namespace. */
  readonly interfaces: readonly string[]
  /** Namespace kind (`net`, `pid`, `ipc`, `uts`, `mnt`) → `true` when it differs from the engine host's. Empty for `guest`. */
  readonly privateNamespaces: Readonly<Record<string, boolean>>
  /** From the container's cgroup; `null` where it cannot be read. */
  readonly cgroup: {
    readonly memoryBytes: number | null
    readonly memoryAndSwapBytes: number | null
    readonly pids: number | null
    readonly cpuCount: number | null
  }
}

/** What the engine says, mapped to the terms of the spec. */
export interface EngineObservation {
  readonly image: string
  /** What its first process was started with. */
  readonly argv: readonly string[]
  readonly user: string
  readonly readOnlyRoot: boolean
  readonly privileged: boolean
  readonly capAdd: readonly string[]
  readonly capDrop: readonly string[]
  readonly securityOptions: readonly string[]
  readonly network: string
  readonly networks: readonly string[]
  readonly ipc: string
  readonly pid: string
  readonly uts: string
  readonly userns: string
  readonly cgroupns: string
  readonly memoryBytes: number
  readonly memoryAndSwapBytes: number
  readonly cpuCount: number
  readonly pids: number
  readonly ulimits: readonly { readonly name: string; readonly soft: number; readonly hard: number }[]
  readonly tmpfs: Readonly<Record<string, string>>
  readonly mounts: readonly {
    readonly type: string
    readonly source: string
    readonly target: string
    readonly writable: boolean
  }[]
  readonly devices: readonly string[]
  readonly runtime: string
  readonly logDriver: string
  readonly env: readonly string[]
  readonly labels: Readonly<Record<string, string>>
  readonly maskedPaths: readonly string[] | null
  readonly readonlyPaths: readonly string[] | null
  /** Settings that are the same for every sandbox and have another value here: the engine's name for each, its value as JSON. */
  readonly loosened: Readonly<Record<string, string>>
}

/** Both reports together: what the audit compares with a spec. */
export interface Observation {
  readonly engine: EngineObservation
  /** `null` when the engine is remote; the sandbox then asks the supervisor inside. */
  readonly kernel: KernelObservation | null
}

/** One difference between what was asked and what is in force. */
export interface Mismatch {
  /** For example `seccomp` or `limits.memoryBytes`. */
  readonly field: string
  readonly wanted: string
  readonly found: string
  readonly source: 'engine' | 'kernel'
}
