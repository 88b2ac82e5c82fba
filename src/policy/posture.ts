/** The parts of a posture that are the same for every sandbox and that drivers and the audit must agree on. */
import type { ContainerSpec, ScratchMount } from './container-spec.js'

/** Whose engine it is: their forms of a request differ in places. */
export type EngineProduct = 'docker' | 'podman'

/** One limit of setrlimit(2), for every process of a sandbox. */
export interface Ulimit {
  /** The engine's name, for example `nofile`. */
  readonly name: string
  /** The name in `/proc/<pid>/limits` (proc(5)). */
  readonly kernelName: string
  readonly soft: number
  readonly hard: number
}

/** The kernel's old default for locked memory (linux/resource.h, MLOCK_LIMIT): enough for a key, too little to pin a host. */
const MEMLOCK_BYTES = 64 * 1024

/**
 * The resource limits of every process. Core files are off: a host's `core_pattern` can be a pipe to a root process.
 * Processes are limited by the cgroup and not here, since RLIMIT_NPROC counts the uid and not the container.
 */
export function buildUlimits(spec: ContainerSpec): readonly Ulimit[] {
  const { openFiles } = spec.limits
  return [
    { name: 'nofile', kernelName: 'Max open files', soft: openFiles, hard: openFiles },
    { name: 'core', kernelName: 'Max core file size', soft: 0, hard: 0 },
    { name: 'memlock', kernelName: 'Max locked memory', soft: MEMLOCK_BYTES, hard: MEMLOCK_BYTES },
  ]
}

/**
 * The mount options of a scratch folder, in the engine's comma form (tmpfs(5)). The owner is the mapped uid. Podman refuses
 * `uid`, `gid` and `nr_inodes`: there the folder is root's and open to all, which inside is the one uid, and its inodes are
 * limited by the memory of the sandbox. It would also fill the folder with what the image has there.
 * @param engine default `docker`
 */
export function buildTmpfsOptions(
  spec: ContainerSpec,
  scratch: ScratchMount,
  engine: EngineProduct = 'docker',
): string {
  const access = scratch.executable ? 'exec' : 'noexec'
  const common = `rw,nosuid,nodev,${access},size=${scratch.sizeBytes}`
  if (engine === 'podman') return `${common},mode=1777,notmpcopyup`
  return `${common},nr_inodes=${scratch.inodes},uid=${spec.uid},gid=${spec.gid},mode=${scratch.mode.toString(8)}`
}

/**
 * Folders of a read-only root on which Podman puts a writable tmpfs of any size unless something else is mounted there
 * (podman-run(1), `--read-only-tmpfs`; its compatible socket has no way to switch that off).
 */
export const PODMAN_TMPFS = ['/run', '/var/tmp'] as const

/** Every tmpfs that is asked of an engine, by its target: the scratch, and for Podman read-only covers of {@link PODMAN_TMPFS}. */
export function buildTmpfs(spec: ContainerSpec, engine: EngineProduct = 'docker'): Record<string, string> {
  const scratch = spec.scratch.map((mount) => [mount.target, buildTmpfsOptions(spec, mount, engine)] as const)
  const taken = new Set([...spec.scratch, ...spec.mounts].map((mount) => mount.target))
  const free = engine === 'podman' ? PODMAN_TMPFS.filter((target) => !taken.has(target)) : []
  const covers = free.map((target) => [target, 'ro,nosuid,nodev,noexec,size=65536,mode=755,notmpcopyup'] as const)
  return Object.fromEntries([...scratch, ...covers])
}
