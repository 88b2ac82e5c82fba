/** Options of `BuildRunner.open`. */
import { availableParallelism, totalmem } from 'node:os'
import { z } from 'zod'
import type { Logger } from '../telemetry/index.js'
import { driverOption } from './driver-object.js'
import { baseOption, DEFAULT_BASE } from './base.js'
import { buildWorkspaceSchema } from './build-options.js'
import { hostPathOption } from './host-path.js'
import { limitsSchema } from './limits.js'
import { metricsOptionsSchema } from './metrics-options.js'
import { DEFAULT_NETWORK, networkOption } from './network.js'
import {
  booleanOption,
  durationOption,
  integerOption,
  numberOption,
  objectOption,
  opaqueOption,
  optionFacts,
} from './option.js'
import { parseOptions } from './parse.js'
import { DEFAULT_RUNTIME, runtimeOption } from './runtime.js'
import { sizeOption } from './size.js'
import { tenantOption } from './tenant-name.js'
import { userRangeSchema } from './user-range-options.js'

/** What is left to the engine, the runner and everything else on the host. */
const MEMORY_SHARE = 0.75

/** What one tenant may have beyond the defaults. */
export const tenantPolicySchema = objectOption({
  weight: numberOption({ min: 0.01, max: 1000, unit: 'shares' })
    .default(1)
    .describe('Share of the machine beside other tenants that wait.'),
  maxRunning: integerOption({
    min: 1,
    max: 100_000,
    unit: 'builds',
    orNull: "the runner's `queue.maxRunningPerTenant`",
  })
    .nullable()
    .default(null)
    .describe('Builds of the tenant, and of all below it, that run at once.'),
  maxWaiting: integerOption({
    min: 1,
    max: 1_000_000,
    unit: 'builds',
    orNull: "the runner's `queue.maxWaitingPerTenant`",
  })
    .nullable()
    .default(null)
    .describe('Builds that wait; the next is a `QueueFullError`.'),
}).readonly()

/** `queue` of a runner. */
export const runnerQueueSchema = objectOption({
  maxWaiting: integerOption({ min: 1, max: 1_000_000, unit: 'builds' })
    .default(10_000)
    .describe('Builds of all tenants that wait; the next is a `QueueFullError`.'),
  maxWaitingPerTenant: integerOption({ min: 1, max: 1_000_000, unit: 'builds' })
    .default(2_000)
    .describe('Builds of one tenant, and of all below it, that wait.'),
  maxRunningPerTenant: integerOption({ min: 1, max: 100_000, unit: 'builds', orNull: 'no cap' })
    .nullable()
    .default(null)
    .describe('Builds of one tenant, and of all below it, that run at once.'),
  ageingMs: durationOption(1, 'never')
    .nullable()
    .default(60_000)
    .describe("After this time of waiting a build counts as one higher in `priority` among its tenant's own."),
}).readonly()

/** `pool` of a runner. */
export const runnerPoolSchema = objectOption({
  idle: integerOption({ min: 0, max: 1000, unit: 'sandboxes' })
    .default(2)
    .describe("Sandboxes that are kept started, with the runner's base and limits, for builds that ask for no others."),
  uses: integerOption({ min: 1, max: 1000, unit: 'builds' })
    .default(1)
    .describe(
      'Builds of one tenant that may follow each other in one sandbox. Above 1 a build can meet what an earlier one of the same tenant did to the running sandbox; files, processes and shared memory are cleared in between.',
    ),
}).readonly()

/** `cacheStore` of a runner. */
export const cacheStoreSchema = objectOption({
  maxBytes: sizeOption(0, 1024 ** 5)
    .default(10 * 1024 ** 3)
    .describe('All caches of all tenants. What was used longest ago goes first.'),
  maxBytesPerTenant: sizeOption(0, 1024 ** 5)
    .default(2 * 1024 ** 3)
    .describe('All caches of one tenant.'),
  maxEntryBytes: sizeOption(0, 1024 ** 5)
    .default(1024 ** 3)
    .describe('One cache; a larger one is not saved, which fails nothing.'),
  maxAgeMs: integerOption({ min: 1000, max: 365 * 86_400_000, unit: 'ms' })
    .default(14 * 86_400_000)
    .describe('A cache that was not used for so long goes.'),
}).readonly()

/** Options of a runner. */
export const runnerOptionsSchema = objectOption({
  stateDir: hostPathOption('the state folder')
    .nullable()
    .default(null)
    .describe(
      'Where builds, logs, artifacts and caches are kept. One living runner per folder. Default: `/var/lib/container-sandbox/runner` for root, else `$XDG_STATE_HOME/container-sandbox/runner`.',
    ),
  base: baseOption()
    .default(DEFAULT_BASE)
    .describe(
      "What sandboxes are made of, unless a build says otherwise; `'toolchain'` is what `image toolchain` makes.",
    ),
  limits: limitsSchema.prefault({}).describe('What each build may use, unless it says otherwise.'),
  workspace: buildWorkspaceSchema.prefault({}).describe('Workspace of each build, unless it says otherwise.'),
  network: networkOption().default(DEFAULT_NETWORK).describe('Network of every build.'),
  runtime: runtimeOption().default(DEFAULT_RUNTIME).describe('What the engine starts sandboxes with.'),
  concurrency: integerOption({ min: 1, max: 10_000, unit: 'builds', orNull: 'one per CPU of this host' })
    .nullable()
    .default(null)
    .describe('Builds that run at once.'),
  memoryBytes: sizeOption(64 * 1024 ** 2, 1024 ** 5, `${MEMORY_SHARE * 100} % of this host's memory`)
    .nullable()
    .default(null)
    .describe(
      'Sum of `limits.memoryBytes` of all builds that run at once. Tracers (128 MiB each), waiting sandboxes of the pool and this process come on top.',
    ),
  queue: runnerQueueSchema.prefault({}).describe('Bounds and order of what waits.'),
  tenants: z
    .record(tenantOption(), tenantPolicySchema, { error: 'an object of { weight, maxRunning, maxWaiting } by tenant' })
    .register(optionFacts, { type: 'object', allowed: '{ weight, maxRunning, maxWaiting } by tenant' })
    .prefault({})
    .describe('Tenants that differ from the defaults.'),
  pool: runnerPoolSchema.prefault({}).describe('Warm sandboxes.'),
  cacheStore: cacheStoreSchema.prefault({}).describe('How much caches may take.'),
  logBytes: sizeOption(64 * 1024, 1024 ** 4)
    .default(16 * 1024 ** 2)
    .describe("Most bytes of one build's log. Output beyond it is read and dropped; the result is still logged."),
  sourceBytes: sizeOption(0, 1024 ** 5)
    .default(4 * 1024 ** 3)
    .describe('Most bytes of one source.'),
  sourceEntries: integerOption({ min: 1, max: 10_000_000, unit: 'files, folders and links' })
    .default(200_000)
    .describe('Most entries of one source.'),
  keepBuilds: integerOption({ min: 1, max: 1_000_000, unit: 'builds' })
    .default(10_000)
    .describe(
      'Ended builds whose state, log and artifacts are kept. First goes the oldest of the outermost tenant with the most.',
    ),
  keepBytes: sizeOption(0, 1024 ** 5)
    .default(32 * 1024 ** 3)
    .describe(
      'Most bytes of all that is kept of ended builds. First goes the oldest of the outermost tenant with the most; the build that ended last stays.',
    ),
  keepMs: integerOption({ min: 1000, max: 3650 * 86_400_000, unit: 'ms' })
    .default(30 * 86_400_000)
    .describe('How long they are kept.'),
  engineWaitMs: durationOption(0)
    .default(60_000)
    .describe('How long a build that has not begun waits for an engine that is away.'),
  metrics: metricsOptionsSchema
    .nullable()
    .default(null)
    .describe(
      'Where Prometheus finds the numbers of this process; `{}` is `http://127.0.0.1:9464/metrics`. Default: nowhere.',
    )
    .register(optionFacts, { type: 'object', allowed: 'see [`metrics`](#metricsendpointopenoptions)' }),
  logger: opaqueOption<Logger>(
    { type: 'Logger', allowed: 'an object with `debug`, `info`, `warn` and `error` as pino has them' },
    isLogger,
  )
    .nullable()
    .default(null)
    .describe('Takes records of what the runner does: [observability](observability.md). Default: nobody.'),
  users: userRangeSchema.prefault({}).describe('Where uids come from.'),
  driver: driverOption().describe('What runs containers. Default: a `DockerDriver` with default options.'),
})
  .transform((options) => ({
    ...options,
    concurrency: options.concurrency ?? availableParallelism(),
    memoryBytes: options.memoryBytes ?? Math.floor(totalmem() * MEMORY_SHARE),
  }))
  .readonly()

/** Options of `runner.close`. */
export const runnerCloseOptionsSchema = objectOption({
  cancel: booleanOption().default(false).describe('Cancel all builds. Default: they run to their ends.'),
}).readonly()

/** What a caller gives to `runner.close`. */
export type RunnerCloseOptions = z.input<typeof runnerCloseOptionsSchema>

/** @throws {InvalidOptionsError} */
export function parseRunnerCloseOptions(raw: unknown = {}): z.output<typeof runnerCloseOptionsSchema> {
  return parseOptions(runnerCloseOptionsSchema, raw, 'close options')
}

/** What a caller gives to `BuildRunner.open`. */
export type RunnerOptions = z.input<typeof runnerOptionsSchema>
/** The same, checked and completed. */
export type ResolvedRunnerOptions = z.output<typeof runnerOptionsSchema>

/** @throws {InvalidOptionsError} listing every issue */
export function parseRunnerOptions(raw: unknown = {}): ResolvedRunnerOptions {
  return parseOptions(runnerOptionsSchema, raw, 'runner options')
}

function isLogger(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const logger = value as Readonly<Record<string, unknown>>
  return ['debug', 'info', 'warn', 'error'].every((name) => typeof logger[name] === 'function')
}
