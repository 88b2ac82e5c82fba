/**
 * The engine's create request for a spec: a pure mapping.
 *
 * Every field that weakens a container is given its strict value in words, also where that is the engine's default:
 * a daemon's configuration can change defaults. What the engine cannot express: `nosuid,nodev` on bind mounts (setuid bits
 * are void under `no-new-privileges`; device nodes are refused by the device cgroup) and a full environment (it adds
 * `PATH`, `HOSTNAME` and the image's own; the first process gives its children a clean one).
 */
import type { BindMount, ContainerSpec } from '../../policy/container-spec.js'
import { buildTmpfsOptions, buildUlimits } from '../../policy/posture.js'

/** Body of `POST /containers/create`, as far as it is used. */
export type ContainerRequest = Readonly<Record<string, unknown>> & {
  readonly HostConfig: Readonly<Record<string, unknown>>
}

/** @returns the request; equal specs give equal requests */
export function buildContainerRequest(spec: ContainerSpec): ContainerRequest {
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
      ...isolation(spec),
      ...resources(spec),
      Mounts: spec.mounts.map(bindMount),
      Tmpfs: Object.fromEntries(spec.scratch.map((mount) => [mount.target, buildTmpfsOptions(spec, mount)])),
      LogConfig: { Type: 'none', Config: {} },
      RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
      // Removal is ours: the exit state has to be read first.
      AutoRemove: false,
    },
  }
}

function isolation(spec: ContainerSpec): Record<string, unknown> {
  return {
    Privileged: false,
    ReadonlyRootfs: true,
    CapAdd: [],
    CapDrop: ['ALL'],
    GroupAdd: [],
    SecurityOpt: ['no-new-privileges', `seccomp=${JSON.stringify(spec.seccomp)}`],
    NetworkMode: spec.network,
    PortBindings: {},
    PublishAllPorts: false,
    Links: [],
    IpcMode: 'private',
    PidMode: '',
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
