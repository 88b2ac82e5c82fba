/** Limits and members of a container's cgroup, version 1 or 2, as far as the cgroup file system can be read here. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseCgroupLimits, type CgroupTexts } from '../../policy/cgroup-parse.js'
import type { KernelObservation } from '../../policy/observation.js'
import { type CgroupEntry, parseMountinfo } from '../../policy/proc-parse.js'

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
  const [texts, processes] = await Promise.all([isV1 ? readV1(read) : readV2(read), read('pids', 'cgroup.procs')])
  return {
    limits: parseCgroupLimits(texts),
    processes: processes === null ? null : processes.split('\n').filter(Boolean).map(Number),
  }
}

type ReadControl = (controller: string, file: string) => Promise<string | null>

async function readV1(read: ReadControl): Promise<CgroupTexts> {
  const [memoryMax, memorySwapMax, pidsMax, cpuQuota, cpuPeriod] = await Promise.all([
    read('memory', 'memory.limit_in_bytes'),
    read('memory', 'memory.memsw.limit_in_bytes'),
    read('pids', 'pids.max'),
    read('cpu', 'cpu.cfs_quota_us'),
    read('cpu', 'cpu.cfs_period_us'),
  ])
  return { version: 1, memoryMax, memorySwapMax, pidsMax, cpuMax: null, cpuQuota, cpuPeriod }
}

async function readV2(read: ReadControl): Promise<CgroupTexts> {
  const [memoryMax, memorySwapMax, pidsMax, cpuMax] = await Promise.all([
    read('memory', 'memory.max'),
    read('memory', 'memory.swap.max'),
    read('pids', 'pids.max'),
    read('cpu', 'cpu.max'),
  ])
  return { version: 2, memoryMax, memorySwapMax, pidsMax, cpuMax, cpuQuota: null, cpuPeriod: null }
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
