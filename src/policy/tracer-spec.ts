/**
 * What is asked of an engine for the tracer beside a sandbox: the second container of trace mode.
 *
 * Theory of operation. It runs as root of the container, since a tracer with the guest's uid could be killed and its words
 * forged by the guest. Of root's power it keeps two capabilities: to trace, and to read through links in `/proc/<pid>/fd` of
 * processes that are another uid's. It shares the sandbox's PID namespace and nothing else: no mount, no scratch, no network,
 * no home. So nothing that the guest writes is a file to it, and the guest can send it no signal.
 */
import { MASKED_PATHS, READONLY_PATHS } from './kernel-paths.js'
import type { ContainerSpec, SeccompProfile } from './container-spec.js'
import { defaultShmBytes } from './scratch.js'

/** What belongs to one tracer. */
export interface TracerContext {
  readonly image: string
  readonly imageEnv: Readonly<Record<string, string>>
  /** The id of the sandbox's container. */
  readonly sandboxContainer: string
  readonly argv: readonly string[]
  readonly labels: Readonly<Record<string, string>>
  readonly seccomp: SeccompProfile
  readonly runtime: string
  /** CPUs: what the sandbox may use in user mode the tracer uses in following it. */
  readonly cpuCount: number
}

/**
 * strace keeps a record for each living thread and the pipe in between holds 1 MiB; a guest cannot make either grow beyond
 * its own `pids`. Running out ends the tracer, and with it the sandbox.
 */
const MEMORY_BYTES = 128 * 1024 * 1024

/** strace, what starts it, and the child with which strace looks at the kernel's order of stops. */
const PIDS = 8

const OPEN_FILES = 256

/** Builds what is asked of an engine for one tracer. Pure. */
export function buildTracerSpec(context: TracerContext): ContainerSpec {
  return {
    image: context.image,
    argv: context.argv,
    env: { ...context.imageEnv },
    hostname: 'tracer',
    uid: 0,
    gid: 0,
    capabilities: ['CAP_SYS_PTRACE', 'CAP_DAC_READ_SEARCH'],
    pidNamespaceOf: context.sandboxContainer,
    traced: false,
    limits: {
      memoryBytes: MEMORY_BYTES,
      cpuCount: Math.max(1, context.cpuCount),
      pids: PIDS,
      openFiles: OPEN_FILES,
      shmBytes: defaultShmBytes(MEMORY_BYTES),
    },
    scratch: [],
    mounts: [],
    network: 'none',
    runtime: context.runtime,
    seccomp: context.seccomp,
    maskedPaths: MASKED_PATHS,
    readonlyPaths: READONLY_PATHS,
    labels: context.labels,
  }
}
