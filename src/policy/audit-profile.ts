/**
 * The differences between engines and runtimes that the audit accepts, each with its reason. Everything else is compared
 * exactly. A profile is chosen by the caller from what the engine says about itself, never from what a container shows.
 */

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
  /** Files that the engine mounts read-only besides `/etc/hostname`, `/etc/hosts` and `/etc/resolv.conf`. */
  readonly engineMounts: readonly string[]
  /** Options besides `ro` that a bind mount must have. */
  readonly bindOptions: readonly string[]
  /** Kernel facts that this runtime's guests cannot show. Of a cgroup, what they do show must match. */
  readonly unobservable: readonly ('seccomp' | 'mountOptions' | 'cgroup' | 'namespaces')[]
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
  bindOptions: [],
  unobservable: [],
}

/** Podman's Docker-compatible socket names private namespaces and adds variables (podman-create(1), `--env`). */
export const PODMAN_PROFILE: AuditProfile = {
  ...DOCKER_PROFILE,
  name: 'podman',
  engineEnv: ['container', 'HOME', 'HOSTNAME', 'PATH', 'TERM'],
  engineMounts: ['/run/.containerenv', '/run/secrets'],
  pid: ['', 'private'],
  uts: ['', 'private'],
  userns: ['', 'private'],
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
 * is audited; it shows no seccomp mode of its own, no host cgroup, and its mounts carry no nosuid or nodev.
 */
export const RUNSC_PROFILE: AuditProfile = {
  ...REMOTE_PROFILE,
  name: 'runsc',
  unobservable: ['namespaces', 'cgroup', 'seccomp', 'mountOptions'],
}

/**
 * The profile for one sandbox.
 * @param engine `local`: the host's /proc shows the sandbox; `name`: what the engine calls itself, default Docker.
 */
export function selectAuditProfile(
  runtime: string,
  engine: { readonly local: boolean; readonly name?: string },
): AuditProfile {
  if (runtime === 'runsc') return RUNSC_PROFILE
  const base = engine.name !== undefined && /podman/i.test(engine.name) ? PODMAN_PROFILE : DOCKER_PROFILE
  if (engine.local) return base
  return {
    ...base,
    name: `remote ${base.name}`,
    kernelSource: REMOTE_PROFILE.kernelSource,
    unobservable: REMOTE_PROFILE.unobservable,
  }
}
