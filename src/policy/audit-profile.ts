/**
 * The differences between engines and runtimes that the audit accepts, each with its reason. Everything else is compared
 * exactly. A profile is chosen by the caller from what the engine says about itself, never from what a container shows.
 */

import { isGvisor } from './gvisor.js'
import { PODMAN_TMPFS, type EngineProduct } from './posture.js'

/** What the audit may expect of one engine and runtime, where they differ from runc on a local Docker. */
export interface AuditProfile {
  readonly name: string
  /** Who must have read the kernel facts: `guest` where no process of the sandbox exists on the host's kernel. */
  readonly kernelSource: 'host' | 'guest'
  /** Names of variables that the engine adds by itself. */
  readonly engineEnv: readonly string[]
  /** What the engine may report for a namespace that is the container's own. */
  readonly ipc: readonly string[]
  readonly pid: readonly string[]
  readonly uts: readonly string[]
  readonly userns: readonly string[]
  readonly cgroupns: readonly string[]
  /** Files that the engine mounts read-only besides `/etc/hostname`, `/etc/hosts` and `/etc/resolv.conf`. */
  readonly engineMounts: readonly string[]
  /** Whose form of a request it is. */
  readonly engine: EngineProduct
  /** What the engine's record does not hold, so that only the kernel's facts tell of it. */
  readonly unreported: readonly ('capDrop' | 'ulimits' | 'paths')[]
  /** Settings whose safe value the engine's record never shows. */
  readonly unreportedSettings: readonly string[]
  /** Options of a tmpfs that the engine leaves out or adds in its record, and that change nothing for the guest. */
  readonly silentTmpfsOptions: readonly string[]
  /** Runtimes of the same strength, of which the engine takes its own default whatever is asked for. */
  readonly equalRuntimes: readonly string[]
  /** Options besides `ro` that a bind mount must have. */
  readonly bindOptions: readonly string[]
  /** Kernel facts that may be missing. Of namespaces and a cgroup, what is shown must match. */
  readonly unobservable: readonly (
    'seccomp' | 'noNewPrivs' | 'ambientCapabilities' | 'mountOptions' | 'cgroup' | 'namespaces'
  )[]
  /** Namespace kinds that are of the runtime's own kernel: those of its processes on the host do not matter. */
  readonly virtualNamespaces: readonly string[]
  /** What this runtime does not do at all, each with its reason at the profile. */
  readonly notInForce: readonly ('inodes' | 'readOnlyCgroups')[]
}

/**
 * Docker Engine 20.10 or newer with runc or crun. Its API cannot ask for nosuid and nodev on a bind mount: setuid bits there
 * are void under no-new-privileges, and device nodes are refused by the device cgroup.
 */
export const DOCKER_PROFILE: AuditProfile = {
  name: 'docker',
  kernelSource: 'host',
  engineEnv: [],
  engineMounts: [],
  ipc: ['private'],
  pid: [''],
  uts: [''],
  userns: [''],
  cgroupns: ['private'],
  engine: 'docker',
  unreported: [],
  unreportedSettings: [],
  silentTmpfsOptions: [],
  equalRuntimes: [],
  bindOptions: [],
  unobservable: [],
  virtualNamespaces: [],
  notInForce: [],
}

/**
 * Podman's Docker-compatible socket (tried: 5.4) names private namespaces and adds variables (podman-create(1), `--env`) and
 * the line of the uid in `/etc/passwd` and `/etc/group`. It refuses owner and inodes of a tmpfs ({@link buildTmpfs}): inodes
 * are limited by the memory of the sandbox, to which the kernel charges them. Its record shows the default capabilities as
 * dropped, no ulimits and no masked paths; the kernel shows them all. It ignores the runtime of a request.
 */
export const PODMAN_PROFILE: AuditProfile = {
  ...DOCKER_PROFILE,
  name: 'podman',
  engineEnv: ['container', 'HOME', 'HOSTNAME', 'PATH', 'TERM'],
  engineMounts: ['/run/.containerenv', '/run/secrets', '/etc/passwd', '/etc/group', ...PODMAN_TMPFS],
  pid: ['', 'private'],
  uts: ['', 'private'],
  userns: ['', 'private'],
  cgroupns: ['', 'private'],
  engine: 'podman',
  unreported: ['capDrop', 'ulimits', 'paths'],
  unreportedSettings: ['StdinOnce'],
  silentTmpfsOptions: ['notmpcopyup', 'rprivate'],
  equalRuntimes: ['runc', 'crun'],
  notInForce: ['inodes'],
}

/**
 * A remote Docker engine: its host's /proc cannot be read. The facts are the guest's word, which holds as long as nothing
 * hostile runs: it is asked for before the first command starts.
 */
export const REMOTE_PROFILE: AuditProfile = {
  ...DOCKER_PROFILE,
  name: 'remote',
  kernelSource: 'guest',
  unobservable: ['namespaces', 'cgroup'],
}

/**
 * gVisor: the guest's kernel is a process of the host, and its threads are not the guest's. What that kernel shows inside
 * is audited. It has no filter of the guest's calls, since none of them reaches the host's kernel; neither no-new-privileges
 * nor ambient capabilities show in its status; its mounts show no nosuid and nodev. A tmpfs has no limit of inodes, they
 * count as memory. The cgroup file system is gVisor's own and belongs to its root: nothing of the host's is behind it.
 * Namespaces and cgroup are those of gVisor's own processes, so on this machine they are read from outside.
 */
export const RUNSC_PROFILE: AuditProfile = {
  ...DOCKER_PROFILE,
  name: 'runsc',
  kernelSource: 'guest',
  unobservable: ['seccomp', 'noNewPrivs', 'ambientCapabilities', 'mountOptions'],
  virtualNamespaces: ['pid'],
  notInForce: ['inodes', 'readOnlyCgroups'],
}

/**
 * The profile for one sandbox.
 * @param engine `local`: the host's /proc shows the sandbox; `product`: whose engine it is, default Docker's.
 * @param isRoot whether this process is. Only root may look at the namespaces of another user's process; for others they
 * are the engine's word, whose record is compared too. Default `true`.
 */
export function selectAuditProfile(
  runtime: string,
  engine: { readonly local: boolean; readonly product?: EngineProduct },
  isRoot = true,
): AuditProfile {
  const byEngine = engine.product === 'podman' ? PODMAN_PROFILE : DOCKER_PROFILE
  const base = isGvisor(runtime) ? RUNSC_PROFILE : byEngine
  if (engine.local) {
    if (isRoot) return base
    return { ...base, name: `${base.name} without root`, unobservable: [...base.unobservable, 'namespaces'] }
  }
  return {
    ...base,
    name: `remote ${base.name}`,
    kernelSource: REMOTE_PROFILE.kernelSource,
    unobservable: [...base.unobservable, ...REMOTE_PROFILE.unobservable],
  }
}
