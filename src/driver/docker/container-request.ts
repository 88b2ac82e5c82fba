/**
 * The engine's create request for a spec: a pure mapping.
 *
 * Every field that weakens a container is given its strict value in words, also where that is the engine's default:
 * a daemon's configuration can change defaults. What the engine cannot express: `nosuid,nodev` on bind mounts (setuid bits
 * are void under `no-new-privileges`; device nodes are refused by the device cgroup) and a full environment (it adds
 * `PATH`, `HOSTNAME` and the image's own; the first process gives its children a clean one).
 */
import type { BindMount, ContainerSpec } from '../../policy/container-spec.js'
import { buildTmpfs, buildUlimits, type EngineProduct } from '../../policy/posture.js'

/** Body of `POST /containers/create`, as far as it is used. */
export type ContainerRequest = Readonly<Record<string, unknown>> & {
  readonly HostConfig: Readonly<Record<string, unknown>>
}

/** Where engines differ in what they take. */
export interface RequestForm {
  /** What stands behind `seccomp=`. */
  readonly seccomp: string
  readonly engine: EngineProduct
}

/**
 * @param form default: that of Docker
 * @returns the request; equal specs give equal requests
 */
export function buildContainerRequest(
  spec: ContainerSpec,
  form: RequestForm = { seccomp: JSON.stringify(spec.seccomp), engine: 'docker' },
): ContainerRequest {
  const isOffline = spec.network === 'none'
  return {
    Image: spec.image,
    Entrypoint: [...spec.argv],
    Cmd: [],
    Env: Object.entries(spec.env).map(([name, value]) => `${name}=${value}`),
    WorkingDir: '/',
    Hostname: spec.hostname,
    Domainname: '',
    User: `${spec.uid}:${spec.gid}`,
    Labels: { ...spec.labels },
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    OpenStdin: true,
    StdinOnce: true,
    Tty: false,
    Healthcheck: { Test: ['NONE'] },
    StopSignal: 'SIGKILL',
    NetworkDisabled: isOffline,
    HostConfig: {
      ...isolation(spec, form),
      ...resources(spec),
      Mounts: spec.mounts.map(bindMount),
      Tmpfs: buildTmpfs(spec, form.engine),
      LogConfig: { Type: 'none', Config: {} },
      RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
      // Removal is ours: the exit state has to be read first.
      AutoRemove: false,
    },
  }
}

function isolation(spec: ContainerSpec, { seccomp, engine }: RequestForm): Record<string, unknown> {
  // Podman's compatible socket knows no `MaskedPaths`, but an option of its own.
  const masks = engine === 'podman' && spec.maskedPaths !== null ? [`mask=${spec.maskedPaths.join(':')}`] : []
  return {
    Privileged: false,
    ReadonlyRootfs: true,
    CapAdd: [...spec.capabilities],
    CapDrop: ['ALL'],
    GroupAdd: [],
    SecurityOpt: ['no-new-privileges', `seccomp=${seccomp}`, ...masks],
    NetworkMode: spec.network,
    PortBindings: {},
    PublishAllPorts: false,
    Links: [],
    IpcMode: 'private',
    PidMode: spec.pidNamespaceOf === null ? '' : `container:${spec.pidNamespaceOf}`,
    UTSMode: '',
    UsernsMode: '',
    CgroupnsMode: 'private',
    CgroupParent: '',
    Cgroup: '',
    Runtime: spec.runtime,
    Init: false,
    Binds: [],
    VolumesFrom: [],
    Devices: [],
    DeviceCgroupRules: [],
    DeviceRequests: [],
    Sysctls: {},
    ...(spec.maskedPaths !== null && { MaskedPaths: [...spec.maskedPaths] }),
    ...(spec.readonlyPaths !== null && { ReadonlyPaths: [...spec.readonlyPaths] }),
  }
}

function resources(spec: ContainerSpec): Record<string, unknown> {
  const { limits } = spec
  return {
    Memory: limits.memoryBytes,
    // The sum of memory and swap: equal to the memory, so no swap.
    MemorySwap: limits.memoryBytes,
    NanoCpus: Math.round(limits.cpuCount * 1e9),
    PidsLimit: limits.pids,
    ShmSize: limits.shmBytes,
    OomKillDisable: false,
    OomScoreAdj: 0,
    CpuRealtimePeriod: 0,
    CpuRealtimeRuntime: 0,
    Ulimits: buildUlimits(spec).map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
  }
}

function bindMount(mount: BindMount): Record<string, unknown> {
  return {
    Type: 'bind',
    Source: mount.source,
    Target: mount.target,
    ReadOnly: !mount.writable,
    // Engines before 25 leave what is mounted below a read-only source writable: it is not taken along.
    BindOptions: { Propagation: 'rprivate', NonRecursive: true },
  }
}
