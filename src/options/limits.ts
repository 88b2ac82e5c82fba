import type { z } from 'zod'
import { durationOption, integerOption, numberOption, objectOption } from './option.js'
import { sizeOption } from './size.js'

const KIB = 1024
const MIB = 1024 * KIB
const GIB = 1024 * MIB
const TIB = 1024 * GIB

/**
 * What a sandbox gets when nothing is asked for: enough for a compiler run or a test suite of moderate size, little enough
 * that a host with 4 GiB carries several at once. `scratchBytes` and `shmBytes` count as memory while they are filled,
 * therefore they stay well below `memoryBytes`. `openFiles` is the usual soft limit of a login shell, `shmBytes` Docker's
 * own default for `/dev/shm`.
 */
export const DEFAULT_LIMITS = Object.freeze({
  memoryBytes: 512 * MIB,
  cpuCount: 1,
  pids: 256,
  openFiles: 1024,
  scratchBytes: 64 * MIB,
  shmBytes: 64 * MIB,
  outputBytes: 1 * MIB,
  cpuTimeMs: null,
  lifetimeMs: 3_600_000,
})

/**
 * The kernel rounds a CPU quota to 1 µs in a period of 100 ms (`cpu.cfs_quota_us`, Documentation/scheduler/sched-bwc.rst),
 * so a share is kept in steps of 1e-5 and can be compared exactly with what is read back.
 */
const CPU_STEPS = 100_000

/** `limits`: what a sandbox may use of the host. There is no "unlimited" for memory, CPU, processes and files. */
export const limitsSchema = objectOption({
  memoryBytes: sizeOption(64 * MIB, 16 * TIB)
    .default(DEFAULT_LIMITS.memoryBytes)
    .describe(
      'Memory of everything inside, the supervisor and filled scratch included. Swap is off. All writable paths and `/dev/shm` together must fit into it: below 128MiB lower `scratchBytes` and `shmBytes` too.',
    ),
  cpuCount: numberOption({ min: 0.01, max: 1024, unit: 'CPUs' })
    .transform((count) => Math.round(count * CPU_STEPS) / CPU_STEPS)
    .default(DEFAULT_LIMITS.cpuCount)
    .describe(
      'CPUs that all processes together may keep busy; fractions are shares of one. An engine refuses more than it has.',
    ),
  pids: integerOption({ min: 32, max: 4_194_304, unit: 'processes and threads' })
    .default(DEFAULT_LIMITS.pids)
    .describe('Processes and threads at one time, about 12 of the supervisor included.'),
  openFiles: integerOption({ min: 64, max: 1_048_576, unit: 'descriptors per process' })
    .default(DEFAULT_LIMITS.openFiles)
    .describe('Open descriptors of each process (`RLIMIT_NOFILE`, soft and hard).'),
  scratchBytes: sizeOption(64 * KIB, 1 * TIB)
    .default(DEFAULT_LIMITS.scratchBytes)
    .describe('Size of each writable path; `/tmp` is always one of them. What is stored counts as memory.'),
  shmBytes: sizeOption(64 * KIB, 1 * TIB)
    .default(DEFAULT_LIMITS.shmBytes)
    .describe('Size of `/dev/shm`. What is stored counts as memory.'),
  outputBytes: sizeOption(1, 256 * MIB)
    .default(DEFAULT_LIMITS.outputBytes)
    .describe(
      'Bytes that a result keeps of each of stdout and stderr. The rest is drained; the outcome is then `outputLimit`.',
    ),
  cpuTimeMs: durationOption(10, 'no limit')
    .nullable()
    .default(DEFAULT_LIMITS.cpuTimeMs)
    .describe('CPU time of one command with all its descendants. The outcome is then `cpuTime`.'),
  lifetimeMs: durationOption(1000)
    .default(DEFAULT_LIMITS.lifetimeMs)
    .describe('Time after which the sandbox ends itself, also when no host is listening any more.'),
})
  .readonly()
  .describe('What the sandbox may use of the host. Every limit is read back from the kernel after start.')

/** What a caller gives as `limits`. */
export type LimitsOptions = z.input<typeof limitsSchema>
/** The same with every default filled in. */
export type ResolvedLimits = z.output<typeof limitsSchema>
