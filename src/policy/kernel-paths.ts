/**
 * What of `/proc` and `/sys` a sandbox may not see or change.
 *
 * Engines let a container mask paths (a `/dev/null` or an empty folder is mounted on top) and make paths read-only. The lists
 * are asked for whole, so that what is in force does not depend on the age of the engine. A path that the kernel does not
 * have is skipped by the runtime.
 */

/** The list of Engine 29 (moby `oci/defaults.go`). */
const ENGINE_MASKED_PATHS = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
] as const

/**
 * Masked besides: the host's boot parameters, kernel addresses and configuration, its hardware and its users' keys, and the
 * page maps of the whole machine. Node, gcc, git, python and npm run without all of them.
 */
const FURTHER_MASKED_PATHS = [
  '/proc/buddyinfo',
  '/proc/cmdline',
  '/proc/config.gz',
  '/proc/iomem',
  '/proc/ioports',
  '/proc/kallsyms',
  '/proc/key-users',
  '/proc/kmsg',
  '/proc/kpagecgroup',
  '/proc/kpagecount',
  '/proc/kpageflags',
  '/proc/modules',
  '/proc/pagetypeinfo',
  '/proc/slabinfo',
  '/proc/vmallocinfo',
  '/sys/fs/bpf',
  '/sys/fs/pstore',
  '/sys/kernel/debug',
  '/sys/kernel/security',
  '/sys/kernel/tracing',
] as const

/** Paths that look empty or missing inside. Order and content are what the audit expects back from the engine. */
export const MASKED_PATHS: readonly string[] = Object.freeze([...ENGINE_MASKED_PATHS, ...FURTHER_MASKED_PATHS].sort())

/** Paths that stay readable but refuse writes, also to root: the list that every engine since 1.12 has. */
export const READONLY_PATHS: readonly string[] = Object.freeze([
  '/proc/bus',
  '/proc/fs',
  '/proc/irq',
  '/proc/sys',
  '/proc/sysrq-trigger',
])
