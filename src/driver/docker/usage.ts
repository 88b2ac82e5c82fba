/** What a container uses, from one reading of the engine's statistics. */
import type { ContainerUsage } from '../driver.js'
import type { EngineClient } from './engine-client.js'

/** The part of the engine's statistics that is read. cgroup v1 and v2 name the page cache differently. */
export interface EngineStats {
  readonly memory_stats?: {
    readonly usage?: number
    readonly limit?: number
    readonly max_usage?: number
    readonly stats?: Readonly<Record<string, number>>
  }
  readonly cpu_stats?: { readonly cpu_usage?: { readonly total_usage?: number } }
  readonly pids_stats?: { readonly current?: number }
}

/** @throws {EngineUnavailableError} {@link EngineRequestError} */
export async function readUsage(client: EngineClient, id: string, signal?: AbortSignal): Promise<ContainerUsage> {
  const answer = await client.request({
    what: 'read the statistics of a container',
    method: 'GET',
    path: `/containers/${id}/stats`,
    // Without `one-shot` the engine takes a second reading one second later.
    query: { stream: false, 'one-shot': true },
    signal,
  })
  return usageOf(answer as EngineStats)
}

/**
 * Memory without the inactive page cache, as `docker stats` shows it: the kernel gives that back before it kills.
 * @returns zeros for a container that does not run
 */
export function usageOf({ memory_stats: memory = {}, cpu_stats: cpu, pids_stats: pids }: EngineStats): ContainerUsage {
  const used = memory.usage ?? 0
  const inactive = memory.stats?.total_inactive_file ?? memory.stats?.inactive_file ?? 0
  return {
    memoryBytes: inactive < used ? used - inactive : used,
    memoryLimitBytes: memory.limit ?? 0,
    memoryPeakBytes: memory.max_usage ?? null,
    cpuMs: (cpu?.cpu_usage?.total_usage ?? 0) / 1e6,
    pids: pids?.current ?? 0,
  }
}
