/**
 * What is asked of an engine for one sandbox, in terms of the kernel and not of any engine.
 *
 * `buildContainerSpec` makes it from options; a driver turns it into its engine's request; the audit compares it with
 * what the engine and the kernel report. Every field is always present, so that nothing is left to an engine's default.
 */

/** A seccomp profile in the JSON form that Docker and Podman take (a superset of the OCI form). */
export interface SeccompProfile {
  readonly defaultAction: string
  readonly defaultErrnoRet?: number
  readonly architectures: readonly string[]
  readonly syscalls: readonly SeccompRule[]
}

/** What happens to some system calls, where all of `args` are met. */
export interface SeccompRule {
  readonly names: readonly string[]
  readonly action: string
  readonly errnoRet?: number
  readonly args?: readonly SeccompArgument[]
}

/** A condition on one argument of a system call, numbered from 0 (seccomp(2)). */
export interface SeccompArgument {
  readonly index: number
  readonly value: number
  readonly valueTwo?: number
  readonly op: string
}

/** A size-limited tmpfs that the guest can write to; always `nosuid,nodev`. */
export interface ScratchMount {
  readonly target: string
  readonly sizeBytes: number
  readonly inodes: number
  /** Permission bits of the mount's root folder, for example 0o700. */
  readonly mode: number
  readonly executable: boolean
}

/** A folder or file of the engine's host inside the sandbox; always `nosuid,nodev`. */
export interface BindMount {
  readonly source: string
  readonly target: string
  readonly writable: boolean
}

/** What a whole sandbox may use at most; nothing in it is ever unlimited. */
export interface ResourceLimits {
  readonly memoryBytes: number
  readonly cpuCount: number
  readonly pids: number
  readonly openFiles: number
  readonly shmBytes: number
}

/** The only capabilities that anything of this package ever asks for, and only for the tracer (capabilities(7)). */
export type Capability = 'CAP_SYS_PTRACE' | 'CAP_DAC_READ_SEARCH'

/** One container as it is asked of an engine: a sandbox, or the tracer beside one. */
export interface ContainerSpec {
  /** An engine's reference or content id of the image. */
  readonly image: string
  /** What the container's first process is started with. */
  readonly argv: readonly string[]
  /** The whole environment of the first process; never holds anything of the host's. */
  readonly env: Readonly<Record<string, string>>
  readonly hostname: string
  readonly uid: number
  readonly gid: number
  /** Beyond none at all. Always empty for a sandbox. */
  readonly capabilities: readonly Capability[]
  /** The id of the container whose PID namespace is joined; `null`: one of its own. */
  readonly pidNamespaceOf: string | null
  /** Whether every thread in it has a tracer, or none has. */
  readonly traced: boolean
  readonly limits: ResourceLimits
  readonly scratch: readonly ScratchMount[]
  readonly mounts: readonly BindMount[]
  /** `none`, or the name of a network of the engine. */
  readonly network: string
  readonly runtime: string
  readonly seccomp: SeccompProfile
  /** `null` asks for the engine's own list. */
  readonly maskedPaths: readonly string[] | null
  readonly readonlyPaths: readonly string[] | null
  readonly labels: Readonly<Record<string, string>>
}
