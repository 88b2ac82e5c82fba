/**
 * `observe`: what the kernel says about this container, as raw texts of `/proc` and of the cgroup. The host parses and
 * judges them, and takes them for what they are: the word of the inside, used where the host cannot look itself.
 */
import { readdirSync, readFileSync } from 'node:fs'
import type { GuestObservation } from '../protocol/control.js'

/** Threads beyond this number are left out; a fresh sandbox has about 20. */
const MAX_THREADS = 2_000

/** By the name in the answer: where cgroup v2 and v1 keep it, in the order of asking. */
const CGROUP_FILES = {
  memoryMax: ['memory.max', 'memory/memory.limit_in_bytes'],
  memorySwapMax: ['memory.swap.max', 'memory/memory.memsw.limit_in_bytes'],
  pidsMax: ['pids.max', 'pids/pids.max'],
  cpuMax: ['cpu.max'],
  cpuQuota: ['cpu/cpu.cfs_quota_us'],
  cpuPeriod: ['cpu/cpu.cfs_period_us'],
} as const

/** Reads it all at once. A text is `null` where the file is not there or may not be read. */
export function observe(): GuestObservation {
  const cgroup = Object.entries(CGROUP_FILES).map(([name, files]): [string, string | null] => [
    name,
    files.map((file) => readText(`/sys/fs/cgroup/${file}`)).find((text) => text !== null) ?? null,
  ])
  return {
    statuses: readStatuses(),
    mountinfo: readText('/proc/self/mountinfo'),
    limits: readText('/proc/self/limits'),
    netdev: readText('/proc/net/dev'),
    cgroup: Object.fromEntries(cgroup),
  }
}

function readStatuses(): GuestObservation['statuses'] {
  const statuses = []
  for (const pid of readNumbers('/proc')) {
    for (const tid of readNumbers(`/proc/${pid}/task`)) {
      const text = readText(`/proc/${pid}/task/${tid}/status`)
      if (text !== null) statuses.push({ pid, tid, text })
      if (statuses.length === MAX_THREADS) return statuses
    }
  }
  return statuses
}

function readNumbers(folder: string): number[] {
  try {
    return readdirSync(folder).map(Number).filter(Number.isInteger)
  } catch {
    return []
  }
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return null
  }
}
