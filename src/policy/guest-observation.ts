/** The kernel's facts as the supervisor inside reports them, for an engine whose `/proc` cannot be read here. Pure. */
import type { KernelObservation } from './observation.js'
import { parseCgroupLimits, type CgroupTexts } from './cgroup-parse.js'
import { parseLimits, parseMountinfo, parseNetDev, parseStatus } from './proc-parse.js'

/** Raw texts of files below `/proc` and `/sys/fs/cgroup`, as seen inside. */
export interface GuestTexts {
  readonly statuses: readonly { readonly pid: number; readonly tid: number; readonly text: string }[]
  readonly mountinfo: string | null
  readonly limits: string | null
  readonly netdev: string | null
  readonly cgroup: Readonly<Record<string, string | null>>
}

/**
 * The inside cannot see the namespaces of the engine's host, so none is reported; the audit knows that from `source`.
 * @throws {SyntaxError} when a text is none of the kernel's.
 */
export function kernelObservationFromGuest(texts: GuestTexts): KernelObservation {
  const cgroup = (name: Exclude<keyof CgroupTexts, 'version'>): string | null => texts.cgroup[name] ?? null
  return {
    source: 'guest',
    threads: texts.statuses.map(({ pid, tid, text }) => parseStatus(text, pid, tid)),
    mounts: parseMountinfo(texts.mountinfo ?? ''),
    rlimits: parseLimits(texts.limits ?? ''),
    interfaces: parseNetDev(texts.netdev ?? ''),
    privateNamespaces: {},
    cgroup: parseCgroupLimits({
      // Only version 2 has `cpu.max`; the inside reads both and sends what is there.
      version: cgroup('cpuMax') === null ? 1 : 2,
      memoryMax: cgroup('memoryMax'),
      memorySwapMax: cgroup('memorySwapMax'),
      pidsMax: cgroup('pidsMax'),
      cpuMax: cgroup('cpuMax'),
      cpuQuota: cgroup('cpuQuota'),
      cpuPeriod: cgroup('cpuPeriod'),
    }),
  }
}
