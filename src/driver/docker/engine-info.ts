/** What an engine says about itself. */
import { hostname, release } from 'node:os'
import type { EngineFacilities, EngineInfo } from '../driver.js'
import type { EngineClient, EngineConnection } from './engine-client.js'

/** The part of `GET /info` that is read. */
export interface EngineInfoAnswer {
  readonly Name: string
  readonly ServerVersion: string
  readonly OperatingSystem: string
  readonly KernelVersion: string
  readonly Architecture: string
  readonly CgroupVersion?: string
  readonly Driver: string
  readonly Runtimes?: Readonly<Record<string, unknown>> | null
  readonly DefaultRuntime?: string
  readonly SecurityOptions?: readonly string[] | null
  readonly MemoryLimit?: boolean
  readonly SwapLimit?: boolean
  readonly CpuCfsQuota?: boolean
  readonly PidsLimit?: boolean
  readonly LiveRestoreEnabled?: boolean
  readonly DriverStatus?: readonly (readonly [string, string])[] | null
  readonly DockerRootDir?: string
  readonly NCPU: number
  readonly MemTotal: number
}

/** @throws {EngineUnavailableError} {@link EngineRequestError} */
export async function readEngineInfo(client: EngineClient, signal?: AbortSignal): Promise<EngineInfo> {
  const connection = await client.connect(signal)
  const answer = await client.request({ what: 'ask for its state', method: 'GET', path: '/info', signal })
  return engineInfoOf(answer as EngineInfoAnswer, connection, { hostname: hostname(), kernelVersion: release() })
}

/**
 * @param machine this machine: a socket can be forwarded from elsewhere, so the engine's name and kernel must be the same too
 */
export function engineInfoOf(
  answer: EngineInfoAnswer,
  { endpoint, version }: EngineConnection,
  machine: { readonly hostname: string; readonly kernelVersion: string },
): EngineInfo {
  return {
    product: version.product,
    name: answer.Name,
    version: answer.ServerVersion,
    apiVersion: version.used,
    operatingSystem: answer.OperatingSystem,
    kernelVersion: answer.KernelVersion,
    architecture: answer.Architecture,
    cgroupVersion: answer.CgroupVersion === '2' ? 2 : 1,
    storageDriver: answer.Driver,
    runtimes: Object.keys(answer.Runtimes ?? {}),
    defaultRuntime: answer.DefaultRuntime ?? '',
    securityOptions: answer.SecurityOptions ?? [],
    cpuCount: answer.NCPU,
    memoryBytes: answer.MemTotal,
    local:
      endpoint.kind === 'unix' && answer.Name === machine.hostname && answer.KernelVersion === machine.kernelVersion,
    ownPaths: [endpoint.kind === 'unix' ? endpoint.socketPath : '', answer.DockerRootDir ?? ''].filter(isPlace),
    facilities: facilitiesOf(answer),
  }
}

/** The root folder as a place would forbid every mount. */
function isPlace(path: string): boolean {
  return path.startsWith('/') && path.length > 1
}

function facilitiesOf(answer: EngineInfoAnswer): EngineFacilities {
  const limits = {
    memory: answer.MemoryLimit,
    swap: answer.SwapLimit,
    cpu: answer.CpuCfsQuota,
    pids: answer.PidsLimit,
  }
  const status = new Map(answer.DriverStatus ?? [])
  return {
    missingLimits: Object.entries(limits).flatMap(([name, has]) => (has === false ? [name] : [])),
    liveRestore: answer.LiveRestoreEnabled ?? null,
    backingFilesystem: status.get('Backing Filesystem') ?? null,
    rootDirectory: answer.DockerRootDir ?? null,
  }
}
