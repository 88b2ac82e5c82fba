/** Limits and members of a container's cgroup, version 1 or 2, as far as the cgroup file system can be read here. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { KernelObservation } from '../../policy/observation.js'
import { type CgroupEntry, parseMountinfo } from '../../policy/proc-parse.js'

/** From this value on a version 1 limit is none: the kernel's page counter maximum is a little below 2^63. */
const V1_UNLIMITED = 2 ** 62

/** What a container's cgroup says. */
export interface CgroupFacts {
  readonly limits: KernelObservation['cgroup']
  /** Every process in the cgroup; `null` when that cannot be read. */
  readonly processes: readonly number[] | null
}

/** @param cgroups the cgroups of the container's first process */
export async function readCgroupLimits(cgroups: readonly CgroupEntry[]): Promise<CgroupFacts> {
  const folders = await cgroupFolders(cgroups)
  const read = async (controller: string, file: string) => {
    const folder = folders(controller)
    return folder === null ? null : readFile(join(folder, file), 'utf8').catch(() => null)
  }
  const isV1 = cgroups.some(({ controllers }) => controllers.includes('memory'))
  const [limits, processes] = await Promise.all([isV1 ? readV1(read) : readV2(read), read('pids', 'cgroup.procs')])
  return { limits, processes: processes === null ? null : processes.split('\n').filter(Boolean).map(Number) }
}

type ReadControl = (controller: string, file: string) => Promise<string | null>

async function readV1(read: ReadControl): Promise<KernelObservation['cgroup']> {
  const [memory, memoryAndSwap, pids, quota, period] = await Promise.all([
    read('memory', 'memory.limit_in_bytes'),
    read('memory', 'memory.memsw.limit_in_bytes'),
    read('pids', 'pids.max'),
    read('cpu', 'cpu.cfs_quota_us'),
    read('cpu', 'cpu.cfs_period_us'),
  ])
  return {
    memoryBytes: limitOf(memory),
    memoryAndSwapBytes: limitOf(memoryAndSwap),
    pids: limitOf(pids),
    cpuCount: ratioOf(quota, period),
  }
}

async function readV2(read: ReadControl): Promise<KernelObservation['cgroup']> {
  const [memory, swap, pids, cpu] = await Promise.all([
    read('memory', 'memory.max'),
    read('memory', 'memory.swap.max'),
    read('pids', 'pids.max'),
    read('cpu', 'cpu.max'),
  ])
  const memoryBytes = limitOf(memory)
  const swapBytes = limitOf(swap)
  const [quota = null, period = null] = cpu?.trim().split(' ') ?? []
  return {
    memoryBytes,
    memoryAndSwapBytes: memoryBytes === null || swapBytes === null ? null : memoryBytes + swapBytes,
    pids: limitOf(pids),
    cpuCount: ratioOf(quota, period),
  }
}

/** Where each controller's hierarchy is mounted here, joined with the container's path in it. */
async function cgroupFolders(cgroups: readonly CgroupEntry[]): Promise<(controller: string) => string | null> {
  const mounts = parseMountinfo(await readFile('/proc/self/mountinfo', 'utf8'))
  const v2Path = cgroups.find(({ controllers }) => controllers.length === 0)?.path ?? null
  const v2Mount = mounts.find(({ type }) => type === 'cgroup2') ?? null
  return (controller) => {
    const path = cgroups.find(({ controllers }) => controllers.includes(controller))?.path
    if (path === undefined) return v2Mount === null || v2Path === null ? null : join(v2Mount.target, v2Path)
    const mount = mounts.find(({ type, superOptions }) => type === 'cgroup' && superOptions.includes(controller))
    return mount === undefined ? null : join(mount.target, path)
  }
}

/** `null` is unlimited, or not readable. */
function limitOf(text: string | null): number | null {
  const value = Number(text?.trim() || Number.NaN)
  return Number.isFinite(value) && value >= 0 && value < V1_UNLIMITED ? value : null
}

function ratioOf(quota: string | null, period: string | null): number | null {
  const [q, p] = [limitOf(quota), limitOf(period)]
  return q === null || p === null || p === 0 ? null : q / p
}
