/** The kernel's state of a container against the spec: threads, resource limits, namespaces, interfaces, cgroup. */
import { CPU_TOLERANCE } from './audit-engine.js'
import type { Findings } from './audit-findings.js'
import { compareKernelMounts } from './audit-mounts.js'
import type { AuditProfile } from './audit-profile.js'
import type { Capability, ContainerSpec } from './container-spec.js'
import type { KernelObservation, ThreadStatus } from './observation.js'
import { buildUlimits } from './posture.js'

/** The kernel rounds a memory limit down to whole pages; 64 KiB is the largest page of the supported machines. */
const MAX_PAGE_BYTES = 65_536

/** SECCOMP_MODE_FILTER (linux/seccomp.h). */
const FILTER_MODE = 2

const PRIVATE_NAMESPACES = ['net', 'pid', 'ipc', 'uts', 'mnt'] as const

const CAPABILITY_SETS = ['inheritable', 'permitted', 'effective', 'bounding', 'ambient'] as const

/** Sets that hold what was asked for. The others are always empty: nothing is handed on. */
const GRANTED_SETS: readonly string[] = ['permitted', 'effective', 'bounding']

/** Numbers of linux/capability.h. */
const CAPABILITY_NUMBERS: Readonly<Record<Capability, bigint>> = { CAP_DAC_READ_SEARCH: 2n, CAP_SYS_PTRACE: 19n }

/**
 * Interfaces that the kernel itself makes in each new network namespace when a tunnel module is loaded
 * (`net.core.fb_tunnels_only_for_init_net`). They are down, and bringing one up needs CAP_NET_ADMIN.
 */
const FALLBACK_TUNNELS: ReadonlySet<string> = new Set([
  'tunl0',
  'gre0',
  'gretap0',
  'erspan0',
  'ip_vti0',
  'ip6_vti0',
  'sit0',
  'ip6tnl0',
  'ip6gre0',
])

/** Adds every difference between the kernel's state and the spec. Accepted: page rounding, fallback tunnels, what the profile names. */
export function compareKernel(
  findings: Findings,
  spec: ContainerSpec,
  found: KernelObservation,
  profile: AuditProfile,
): void {
  findings.same('source', profile.kernelSource, found.source)
  if (found.threads.length === 0) findings.add('threads', 'at least one', 0)
  for (const thread of found.threads) compareThread(findings, spec, thread, profile)
  compareKernelMounts(findings, spec, found.mounts, profile)
  for (const limit of buildUlimits(spec)) {
    const value = found.rlimits[limit.kernelName]
    if (value?.soft !== limit.soft || value.hard !== limit.hard)
      findings.add(`rlimits.${limit.kernelName}`, [limit.soft, limit.hard], value)
  }
  compareInterfaces(findings, spec, found.interfaces)
  for (const kind of PRIVATE_NAMESPACES.filter((name) => !profile.virtualNamespaces.includes(name))) {
    const isPrivate = found.privateNamespaces[kind]
    if (isPrivate !== undefined || !profile.unobservable.includes('namespaces'))
      findings.same(`privateNamespaces.${kind}`, true, isPrivate)
  }
  compareCgroup(findings, spec, found.cgroup, !profile.unobservable.includes('cgroup'))
}

function compareThread(findings: Findings, spec: ContainerSpec, thread: ThreadStatus, profile: AuditProfile): void {
  const field = (name: string) => `threads.${thread.tid}.${name}`
  if (!(thread.pid > 0) || !(thread.tid > 0))
    findings.add('threads.tid', 'a process and thread', [thread.pid, thread.tid])
  const isFour = (ids: readonly number[], id: number) => ids.length === 4 && ids.every((value) => value === id)
  if (!isFour(thread.uids, spec.uid)) findings.add(field('uids'), Array(4).fill(spec.uid), thread.uids)
  if (!isFour(thread.gids, spec.gid)) findings.add(field('gids'), Array(4).fill(spec.gid), thread.gids)
  if (thread.groups.some((group) => group !== spec.gid)) findings.add(field('groups'), [spec.gid], thread.groups)
  if (!profile.unobservable.includes('seccomp')) findings.same(field('seccompMode'), FILTER_MODE, thread.seccompMode)
  if (thread.noNewPrivs !== null || !profile.unobservable.includes('noNewPrivs'))
    findings.same(field('noNewPrivs'), true, thread.noNewPrivs)
  for (const set of CAPABILITY_SETS) {
    const value = thread.capabilities[set]
    if (value === null && set === 'ambient' && profile.unobservable.includes('ambientCapabilities')) continue
    const wanted = GRANTED_SETS.includes(set) ? capabilityMask(spec.capabilities) : 0n
    if (!/^[0-9a-f]+$/.test(value ?? '') || BigInt(`0x${value}`) !== wanted)
      findings.add(field(`capabilities.${set}`), wanted.toString(16), value)
  }
  if (spec.traced ? !(thread.tracerPid > 0) : thread.tracerPid !== 0)
    findings.add(field('tracerPid'), spec.traced ? 'a tracer' : 0, thread.tracerPid)
}

function capabilityMask(names: readonly Capability[]): bigint {
  return names.reduce((mask, name) => mask | (1n << CAPABILITY_NUMBERS[name]), 0n)
}

function compareInterfaces(findings: Findings, spec: ContainerSpec, found: readonly string[]): void {
  if (!found.includes('lo')) findings.add('interfaces', ['lo'], found)
  const others = found.filter((name) => name !== 'lo' && !FALLBACK_TUNNELS.has(name))
  if (spec.network === 'none' && others.length > 0) findings.add('interfaces', ['lo'], found)
}

/** A value that cannot be read is a difference, unless the profile says that this guest does not see its cgroup. */
function compareCgroup(
  findings: Findings,
  spec: ContainerSpec,
  found: KernelObservation['cgroup'],
  isObservable: boolean,
): void {
  const { memoryBytes, pids, cpuCount } = spec.limits
  const compare = (name: keyof typeof found, wanted: number, isInForce: (value: number) => boolean) => {
    const value = found[name]
    if (value === null ? isObservable : !isInForce(value)) findings.add(`cgroup.${name}`, wanted, value)
  }
  const isRounded = (value: number) => value <= memoryBytes && value > memoryBytes - MAX_PAGE_BYTES
  compare('memoryBytes', memoryBytes, isRounded)
  compare('memoryAndSwapBytes', memoryBytes, isRounded)
  compare('pids', pids, (value) => value === pids)
  compare('cpuCount', cpuCount, (value) => Math.abs(value - cpuCount) <= CPU_TOLERANCE * 1.01)
}
