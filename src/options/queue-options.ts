/** Options of the queues and of the jobs in them. */
import { z } from 'zod'
import {
  abortSignalOption,
  durationOption,
  integerOption,
  numberOption,
  objectOption,
  optionFacts,
  textOption,
} from './option.js'
import { parseOptions } from './parse.js'
import { tenantOption } from './tenant-name.js'

/** The tenant of a job of a `FairQueue` that names none. */
const DEFAULT_TENANT = 'default'

/** Longest `id` of a job. */
const MAX_JOB_ID_CHARACTERS = 128
/** Not `#`: ids that a queue makes begin with it. */
const JOB_ID_PATTERN = /^[A-Za-z0-9_.:/-]+$/

const weight = numberOption({ min: 0.01, max: 1000, unit: 'shares' })
  .default(1)
  .describe('Share beside the other tenants below the same parent that have jobs waiting.')

const ownMaxWaiting = integerOption({ min: 1, max: 1_000_000, unit: 'jobs', orNull: '`maxWaitingPerTenant`' })
  .nullable()
  .default(null)
  .describe('Jobs of the tenant, and of all below it, that wait; the next is a `QueueFullError`.')

const ownMaxRunning = integerOption({ min: 1, max: 100_000, unit: 'jobs', orNull: '`maxRunningPerTenant`' })
  .nullable()
  .default(null)
  .describe('Jobs of the tenant, and of all below it, that run at once.')

const bounds = {
  maxWaiting: integerOption({ min: 1, max: 1_000_000, unit: 'jobs' })
    .default(10_000)
    .describe('Jobs of all tenants that wait; the next is a `QueueFullError`.'),
  maxWaitingPerTenant: integerOption({ min: 1, max: 1_000_000, unit: 'jobs' })
    .default(2_000)
    .describe('Jobs of one tenant, and of all below it, that wait; the next is a `QueueFullError`.'),
  ageingMs: durationOption(1, 'never')
    .nullable()
    .default(60_000)
    .describe("Each such time of waiting counts as one more of `priority` among the tenant's own jobs."),
}

/** Options of `FairQueue.with()`. */
export const fairQueueSchema = objectOption({
  ...bounds,
  tenants: policies(objectOption({ weight, maxWaiting: ownMaxWaiting }).readonly(), '{ weight, maxWaiting }'),
}).readonly()

/** Options of `new TenantQueue()`. */
export const tenantQueueSchema = objectOption({
  concurrency: integerOption({ min: 1, max: 100_000, unit: 'jobs' }).describe('Jobs of all tenants that run at once.'),
  capacity: integerOption({ min: 1, max: Number.MAX_SAFE_INTEGER, unit: 'units', orNull: 'no budget' })
    .nullable()
    .default(null)
    .describe('Sum of the `units` of all jobs that run at once, for example bytes of memory.'),
  ...bounds,
  maxRunningPerTenant: integerOption({ min: 1, max: 100_000, unit: 'jobs', orNull: 'no cap' })
    .nullable()
    .default(null)
    .describe('Jobs of one tenant, and of all below it, that run at once.'),
  tenants: policies(
    objectOption({ weight, maxRunning: ownMaxRunning, maxWaiting: ownMaxWaiting }).readonly(),
    '{ weight, maxRunning, maxWaiting }',
  ),
}).readonly()

const job = {
  id: textOption(
    { type: 'text', allowed: `1 to ${MAX_JOB_ID_CHARACTERS} letters, digits, '_', '.', ':', '/' and '-'` },
    jobIdProblem,
  )
    .optional()
    .describe(
      'Names the job for `setPriority`. No other job in the queue may have it. Default: one that the queue makes.',
    ),
  cost: numberOption({ min: 0.01, max: 1_000_000, unit: 'jobs of usual size' })
    .default(1)
    .describe("What the job takes of its tenant's share."),
  priority: priorityOption()
    .default(0)
    .describe("Higher goes first among the tenant's own jobs; no job of another tenant is ahead or behind for it."),
}

/** Options of a job of a `FairQueue`. What p-queue itself reads is let through. */
const fairJobSchema = objectOption({
  ...job,
  id: z.string({ error: 'a text' }).optional(),
  tenant: tenantOption().default(DEFAULT_TENANT).describe('Whose job it is; `acme/alice` shares what `acme` may have.'),
  timeout: z.unknown().optional(),
  signal: z.unknown().optional(),
})

/** Options of a job of a `TenantQueue`. */
export const tenantJobSchema = objectOption({
  ...job,
  tenant: tenantOption().describe('Whose job it is; `acme/alice` shares what `acme` may have.'),
  units: integerOption({ min: 0, max: Number.MAX_SAFE_INTEGER, unit: 'units' })
    .default(0)
    .describe("What the job takes of the queue's `capacity` while it runs."),
  signal: abortSignalOption()
    .optional()
    .describe('Takes the job out while it waits; a running job is given it and ends by itself.'),
})

/** What a caller gives to `FairQueue.with()`. */
export type FairQueueOptions = z.input<typeof fairQueueSchema>
/** The same, checked and completed. */
export type ResolvedFairQueueOptions = z.output<typeof fairQueueSchema>
/** What a caller gives to `new TenantQueue()`. */
export type TenantQueueOptions = z.input<typeof tenantQueueSchema>
/** The same, checked and completed. */
export type ResolvedTenantQueueOptions = z.output<typeof tenantQueueSchema>
/** Options of `queue.add()` of a p-queue with a `FairQueue`. */
export interface FairJobOptions {
  readonly tenant?: string
  readonly cost?: number
  readonly priority?: number
  id?: string
  readonly timeout?: number
  readonly signal?: AbortSignal | undefined
}
/** Options of `TenantQueue.add()`. */
export type TenantJobOptions = z.input<typeof tenantJobSchema>

/** @throws {InvalidOptionsError} listing every issue */
export function parseFairQueueOptions(raw: unknown = {}): ResolvedFairQueueOptions {
  return parseOptions(fairQueueSchema, raw, 'options of a fair queue')
}

/** @throws {InvalidOptionsError} listing every issue */
export function parseTenantQueueOptions(raw: unknown): ResolvedTenantQueueOptions {
  return parseOptions(tenantQueueSchema, raw, 'options of a tenant queue')
}

/** @throws {InvalidOptionsError} listing every issue */
export function parseFairJob(raw: unknown = {}): z.output<typeof fairJobSchema> {
  return parseOptions(fairJobSchema, raw, 'options of a job')
}

/** @throws {InvalidOptionsError} listing every issue */
export function parseTenantJob(raw: unknown): z.output<typeof tenantJobSchema> {
  return parseOptions(tenantJobSchema, raw, 'options of a job')
}

/** @throws {InvalidOptionsError} */
export function parseTenant(raw: unknown): string {
  return parseOptions(tenantOption(), raw, 'tenant')
}

/** @throws {InvalidOptionsError} */
export function parsePriority(raw: unknown): number {
  return parseOptions(priorityOption(), raw, 'priority')
}

function priorityOption() {
  return numberOption({ min: -1000, max: 1000, unit: "higher is earlier, among the tenant's own jobs" })
}

function policies<T extends z.ZodType>(policy: T, shape: string) {
  const allowed = `an object of ${shape} by tenant`
  return z
    .record(tenantOption(), policy, { error: allowed })
    .register(optionFacts, { type: 'object', allowed: `${shape} by tenant` })
    .prefault({})
    .describe('Tenants that differ from the defaults.')
}

function jobIdProblem(id: string): string | null {
  if (id === '') return 'it is empty'
  if (id.length > MAX_JOB_ID_CHARACTERS) return `it has ${id.length} characters`
  return JOB_ID_PATTERN.test(id) ? null : 'it has another character'
}
