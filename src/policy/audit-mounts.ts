/**
 * The mount table of a container against the spec.
 *
 * The rule is a closed list: each mount must be one that the spec or the runtime makes, with its type and options. So a
 * mount that nobody thought of is a difference, also when it is read-only.
 */
import type { Findings } from './audit-findings.js'
import type { AuditProfile } from './audit-profile.js'
import type { BindMount, ContainerSpec } from './container-spec.js'
import type { MountEntry } from './observation.js'

/**
 * What the runtime itself mounts writable, by type and needed options (OCI runtime-spec, config-linux, default file systems).
 * `/proc` is narrowed by the masked and read-only paths on top of it; `/dev` belongs to root.
 */
const RUNTIME_MOUNTS: ReadonlyMap<string, { readonly type: string; readonly options: readonly string[] }> = new Map([
  ['/proc', { type: 'proc', options: ['nosuid', 'nodev', 'noexec'] }],
  ['/dev', { type: 'tmpfs', options: ['nosuid'] }],
  ['/dev/pts', { type: 'devpts', options: ['nosuid', 'noexec'] }],
  ['/dev/mqueue', { type: 'mqueue', options: ['nosuid', 'nodev', 'noexec'] }],
  ['/dev/shm', { type: 'tmpfs', options: ['nosuid', 'nodev', 'noexec'] }],
])

/** Paths that every kernel has, so that a mount on top of them must show. Others are skipped where the kernel lacks them. */
const ALWAYS_MASKED = ['/proc/cmdline', '/proc/interrupts', '/sys/firmware']
const ALWAYS_READONLY = ['/proc/sys']

/** Files of the engine on a read-only root: names of the sandbox, nothing of the host besides its resolver's address. */
const RUNTIME_FILES = ['/etc/hostname', '/etc/hosts', '/etc/resolv.conf']

const REQUIRED_READONLY = ['/', '/sys']

/** A tmpfs is rounded up to whole pages; 64 KiB is the largest page of the supported machines. */
const MAX_PAGE_BYTES = 65_536

/** Adds every difference between the mount table and the spec. Later entries of one target hide earlier ones. */
export function compareKernelMounts(
  findings: Findings,
  spec: ContainerSpec,
  found: readonly MountEntry[],
  profile: AuditProfile,
): void {
  const table = new Map(found.map((entry) => [entry.target, entry]))
  const checkOptions = !profile.unobservable.includes('mountOptions')
  for (const target of REQUIRED_READONLY) {
    if (!table.has(target)) findings.add(`mounts.${target}`, 'mounted read-only', 'not mounted')
  }
  for (const scratch of spec.scratch) {
    const options = checkOptions ? ['nosuid', 'nodev', ...(scratch.executable ? [] : ['noexec'])] : []
    compareTmpfs(findings, scratch.target, table.get(scratch.target), options, {
      sizeBytes: scratch.sizeBytes,
      inodes: profile.notInForce.includes('inodes') ? null : scratch.inodes,
    })
  }
  compareTmpfs(findings, '/dev/shm', table.get('/dev/shm'), [], { sizeBytes: spec.limits.shmBytes, inodes: null })
  for (const mount of spec.mounts) compareBind(findings, mount, profile.bindOptions, table.get(mount.target))
  if (checkOptions) {
    comparePresence(findings, ALWAYS_MASKED, spec.maskedPaths, table)
    comparePresence(findings, ALWAYS_READONLY, spec.readonlyPaths, table)
  }

  const own = new Set([...spec.scratch, ...spec.mounts].map((mount) => mount.target))
  for (const entry of found) {
    if (!own.has(entry.target)) compareOther(findings, spec, entry, profile)
  }
}

function compareTmpfs(
  findings: Findings,
  target: string,
  entry: MountEntry | undefined,
  options: readonly string[],
  wanted: { readonly sizeBytes: number; readonly inodes: number | null },
): void {
  const field = `mounts.${target}`
  if (entry?.type !== 'tmpfs') return findings.add(field, 'tmpfs', entry?.type ?? 'not mounted')
  if (!entry.options.includes('rw')) findings.add(`${field}.options`, 'rw', entry.options)
  for (const option of options)
    if (!entry.options.includes(option)) findings.add(`${field}.options`, option, entry.options)
  const size = parseSize(entry.superOptions)
  if (size === null || size < wanted.sizeBytes || size >= wanted.sizeBytes + MAX_PAGE_BYTES)
    findings.add(`${field}.size`, wanted.sizeBytes, entry.superOptions)
  if (wanted.inodes !== null) {
    const inodes = parseCount(entry.superOptions)
    if (inodes !== wanted.inodes) findings.add(`${field}.inodes`, wanted.inodes, entry.superOptions)
  }
}

function compareBind(
  findings: Findings,
  mount: BindMount,
  needed: readonly string[],
  entry: MountEntry | undefined,
): void {
  const field = `mounts.${mount.target}`
  if (entry === undefined) return findings.add(field, 'mounted', 'not mounted')
  for (const option of [mount.writable ? 'rw' : 'ro', ...needed]) {
    if (!entry.options.includes(option)) findings.add(`${field}.options`, option, entry.options)
  }
}

function comparePresence(
  findings: Findings,
  always: readonly string[],
  wanted: readonly string[] | null,
  table: ReadonlyMap<string, MountEntry>,
): void {
  for (const path of always) {
    if (wanted?.includes(path) === true && !table.has(path))
      findings.add(`mounts.${path}`, 'covered by a mount', 'not mounted')
  }
}

/** What is neither scratch nor a bind mount of the spec: the runtime's own, or a path that it masks or makes read-only. */
function compareOther(findings: Findings, spec: ContainerSpec, entry: MountEntry, profile: AuditProfile): void {
  const field = `mounts.${entry.target}`
  const own = RUNTIME_MOUNTS.get(entry.target)
  if (own !== undefined) {
    if (entry.type !== own.type) findings.add(field, own.type, entry.type)
    for (const option of profile.unobservable.includes('mountOptions') ? [] : own.options) {
      if (!entry.options.includes(option)) findings.add(`${field}.options`, option, entry.options)
    }
    return
  }
  // A masked file is /dev/null of the container, which the runtime mounts with the options of /dev.
  if (spec.maskedPaths === null || spec.maskedPaths.includes(entry.target)) {
    if (entry.type === 'tmpfs' || entry.type === 'devtmpfs') return
  }
  const types = typesOfReadOnly(spec, entry.target, profile)
  if (types === null) findings.add(field, 'not mounted', [entry.type, ...entry.options])
  else if (types.length > 0 && !types.includes(entry.type)) findings.add(field, types.join(' or '), entry.type)
  // With cgroup v1 the folder of the controllers is a tmpfs that runc 1.1 leaves rw; it is root's, mode 755.
  if (entry.target === '/sys/fs/cgroup' && entry.type === 'tmpfs' && entry.superOptions.includes('mode=755')) return
  if (entry.type === 'cgroup' && profile.notInForce.includes('readOnlyCgroups')) return
  if (!entry.options.includes('ro')) findings.add(`${field}.options`, 'ro', entry.options)
}

/** The types that a read-only mount on `target` may have; empty for any, `null` where nothing is to be mounted. */
function typesOfReadOnly(spec: ContainerSpec, target: string, profile: AuditProfile): readonly string[] | null {
  if (target === '/sys/fs/cgroup' || target.startsWith('/sys/fs/cgroup/')) return ['tmpfs', 'cgroup', 'cgroup2']
  if (target === '/sys') return ['sysfs']
  if (spec.readonlyPaths === null ? target.startsWith('/proc/') : spec.readonlyPaths.includes(target)) return ['proc']
  return target === '/' || RUNTIME_FILES.includes(target) || profile.engineMounts.includes(target) ? [] : null
}

/** `size=64k`, `size=65536`, `size=1m` (tmpfs(5)); the kernel shows KiB. */
function parseSize(superOptions: readonly string[]): number | null {
  const match = superOptions.map((option) => /^size=(\d+)([kmg]?)$/.exec(option)).find((found) => found !== null)
  if (match === undefined || match === null) return null
  return Number(match[1]) * { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[match[2] as '' | 'k' | 'm' | 'g']
}

function parseCount(superOptions: readonly string[]): number | null {
  const match = superOptions.map((option) => /^nr_inodes=(\d+)$/.exec(option)).find((found) => found !== null)
  return match === undefined || match === null ? null : Number(match[1])
}
