/** The limits of a cgroup from the texts of its files, version 1 or 2 (cgroups(7), kernel's admin-guide). Pure. */
import type { KernelObservation } from './observation.js'

/** From this value on a version 1 limit is none: the kernel's page counter maximum is a little below 2^63. */
const V1_UNLIMITED = 2 ** 62

/** The files as text; `null` for one that is not there. */
export interface CgroupTexts {
  readonly version: 1 | 2
  /** `memory.max`, or version 1's `memory.limit_in_bytes`. */
  readonly memoryMax: string | null
  /** `memory.swap.max` (swap alone), or version 1's `memory.memsw.limit_in_bytes` (memory and swap). */
  readonly memorySwapMax: string | null
  readonly pidsMax: string | null
  /** Version 2 only: quota and period in one line. */
  readonly cpuMax: string | null
  /** Version 1 only. */
  readonly cpuQuota: string | null
  readonly cpuPeriod: string | null
}

/** @returns the limits; `null` is unlimited, or not known. */
export function parseCgroupLimits(texts: CgroupTexts): KernelObservation['cgroup'] {
  const [quota = null, period = null] = texts.cpuMax?.trim().split(' ') ?? [texts.cpuQuota, texts.cpuPeriod]
  const memoryBytes = limitOf(texts.memoryMax)
  const swap = limitOf(texts.memorySwapMax)
  const isV2 = texts.version === 2
  return {
    memoryBytes,
    memoryAndSwapBytes: isV2 ? (memoryBytes === null || swap === null ? null : memoryBytes + swap) : swap,
    pids: limitOf(texts.pidsMax),
    cpuCount: ratioOf(quota, period),
  }
}

function limitOf(text: string | null): number | null {
  const value = Number(text?.trim() || Number.NaN)
  return Number.isFinite(value) && value >= 0 && value < V1_UNLIMITED ? value : null
}

function ratioOf(quota: string | null, period: string | null): number | null {
  const [q, p] = [limitOf(quota), limitOf(period)]
  return q === null || p === null || p === 0 ? null : q / p
}
