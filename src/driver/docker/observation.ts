/** What the engine, and where it is local the kernel, report about a running container. */
import type { EngineObservation, KernelObservation, Observation } from '../../policy/observation.js'
import { readKernelObservation } from './kernel-observation.js'
import type { EngineClient } from './engine-client.js'
import { resolveSeccompFiles } from './seccomp-option.js'
import { loosenedSettings, type StrictlySet } from './strict-settings.js'

/** The part of `GET /containers/<id>/json` that is read. */
export interface ContainerInspection {
  readonly Id: string
  readonly Path: string
  readonly Args: readonly string[] | null
  readonly Image: string
  readonly State: { readonly Pid: number; readonly Running: boolean }
  readonly Config: StrictlySet['Config'] & {
    readonly User: string
    readonly Env: readonly string[] | null
    readonly Labels: Readonly<Record<string, string>> | null
    readonly NetworkDisabled?: boolean
  }
  readonly HostConfig: HostConfig
  readonly NetworkSettings: { readonly Networks?: Readonly<Record<string, unknown>> | null }
  readonly Mounts:
    | readonly { readonly Type: string; readonly Source: string; readonly Destination: string; readonly RW: boolean }[]
    | null
}

type HostConfig = StrictlySet['HostConfig'] & {
  readonly ReadonlyRootfs: boolean
  readonly Privileged: boolean
  readonly CapAdd: readonly string[] | null
  readonly CapDrop: readonly string[] | null
  readonly SecurityOpt: readonly string[] | null
  readonly NetworkMode: string
  readonly IpcMode: string
  readonly PidMode: string
  readonly UTSMode: string
  readonly UsernsMode: string
  readonly CgroupnsMode?: string
  readonly Memory: number
  readonly MemorySwap: number
  readonly NanoCpus?: number
  readonly PidsLimit: number | null
  readonly Ulimits: readonly { readonly Name: string; readonly Soft: number; readonly Hard: number }[] | null
  readonly Tmpfs?: Readonly<Record<string, string>> | null
  readonly Devices: readonly { readonly PathOnHost: string }[] | null
  readonly DeviceRequests?: readonly unknown[] | null
  readonly DeviceCgroupRules?: readonly string[] | null
  readonly Runtime: string
  readonly LogConfig: { readonly Type: string }
  readonly MaskedPaths?: readonly string[] | null
  readonly ReadonlyPaths?: readonly string[] | null
}

/** @throws {EngineUnavailableError} {@link EngineRequestError} */
export async function observeContainer(client: EngineClient, id: string, signal?: AbortSignal): Promise<Observation> {
  const { endpoint, version } = await client.connect(signal)
  const path = `/containers/${id}/json`
  const answer = await client.request({ what: 'inspect a container', method: 'GET', path, signal })
  const inspection = answer as ContainerInspection
  const kernel: KernelObservation | null =
    endpoint.kind === 'unix' && inspection.State.Running
      ? await readKernelObservation(inspection.Id, inspection.State.Pid, signal)
      : null
  const engine = engineObservation(inspection)
  if (version.product !== 'podman') return { engine, kernel }
  const [securityOptions, runtime] = await Promise.all([
    resolveSeccompFiles(engine.securityOptions),
    readPodmanRuntime(client, id, signal),
  ])
  return { engine: { ...engine, securityOptions, runtime }, kernel }
}

/** Podman's compatible record names `oci` as the runtime of every container; its own record names the one that runs it. */
async function readPodmanRuntime(client: EngineClient, id: string, signal?: AbortSignal): Promise<string> {
  const path = `/libpod/containers/${id}/json`
  const answer = await client.request({ what: 'inspect a container', method: 'GET', path, signal })
  return (answer as { readonly OCIRuntime?: string }).OCIRuntime ?? ''
}

/** Maps the engine's words to the terms of the spec. What the engine leaves out becomes the weakest value, never the wanted one. */
export function engineObservation({
  Path,
  Args,
  Image,
  Config,
  HostConfig,
  NetworkSettings,
  Mounts,
}: ContainerInspection): EngineObservation {
  return {
    image: Image,
    argv: [Path, ...(Args ?? [])],
    user: Config.User,
    readOnlyRoot: HostConfig.ReadonlyRootfs,
    privileged: HostConfig.Privileged,
    capAdd: HostConfig.CapAdd ?? [],
    capDrop: HostConfig.CapDrop ?? [],
    securityOptions: HostConfig.SecurityOpt ?? [],
    network: HostConfig.NetworkMode,
    networks: networksOf(Config, NetworkSettings),
    ipc: HostConfig.IpcMode,
    pid: HostConfig.PidMode,
    uts: HostConfig.UTSMode,
    userns: HostConfig.UsernsMode,
    cgroupns: HostConfig.CgroupnsMode ?? '',
    memoryBytes: HostConfig.Memory,
    memoryAndSwapBytes: HostConfig.MemorySwap,
    cpuCount: (HostConfig.NanoCpus ?? 0) / 1e9,
    pids: HostConfig.PidsLimit ?? 0,
    ulimits: (HostConfig.Ulimits ?? []).map(({ Name: name, Soft: soft, Hard: hard }) => ({ name, soft, hard })),
    tmpfs: HostConfig.Tmpfs ?? {},
    mounts: (Mounts ?? [])
      // The engine lists a tmpfs of `HostConfig.Tmpfs` there too; those are compared through `tmpfs`.
      .filter((mount) => mount.Type !== 'tmpfs' || HostConfig.Tmpfs?.[mount.Destination] === undefined)
      .map(({ Type: type, Source: source, Destination: target, RW: writable }) => ({ type, source, target, writable })),
    devices: [
      ...(HostConfig.Devices ?? []).map(({ PathOnHost }) => PathOnHost),
      ...(HostConfig.DeviceRequests ?? []).map((request) => JSON.stringify(request)),
      ...(HostConfig.DeviceCgroupRules ?? []),
    ],
    runtime: HostConfig.Runtime,
    logDriver: HostConfig.LogConfig.Type,
    env: Config.Env ?? [],
    labels: Config.Labels ?? {},
    maskedPaths: HostConfig.MaskedPaths ?? null,
    readonlyPaths: HostConfig.ReadonlyPaths ?? null,
    loosened: loosenedSettings({ Config, HostConfig }),
  }
}

/** A container whose networking is switched off is on no network, which the spec calls `none`. */
function networksOf(
  config: ContainerInspection['Config'],
  { Networks }: ContainerInspection['NetworkSettings'],
): readonly string[] {
  const names = Object.keys(Networks ?? {})
  return names.length === 0 && config.NetworkDisabled === true ? ['none'] : names
}
