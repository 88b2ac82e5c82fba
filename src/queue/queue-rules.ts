/** What a queue allows, in the form that the schedule reads: no cap is `Infinity`. */
import type { ResolvedFairQueueOptions, ResolvedTenantQueueOptions } from '../options/index.js'

/** What holds for one tenant and all below it. */
export interface TenantRules {
  readonly weight: number
  readonly maxRunning: number
  readonly maxWaiting: number
}

/** What holds for a queue. */
export interface QueueRules {
  readonly capacity: number
  readonly ageingMs: number | null
  /** For all tenants together. */
  readonly all: TenantRules
  /** For tenants that are not named. */
  readonly each: TenantRules
  readonly tenants: ReadonlyMap<string, TenantRules>
}

/** Order and bounds without caps: p-queue's own `concurrency` is all there is. */
export function fairQueueRules(options: ResolvedFairQueueOptions): QueueRules {
  return buildRules({ ...options, concurrency: Infinity, capacity: null, maxRunningPerTenant: null })
}

/** Order, bounds and caps. */
export function tenantQueueRules(options: ResolvedTenantQueueOptions): QueueRules {
  return buildRules(options)
}

interface RuleOptions extends Omit<ResolvedTenantQueueOptions, 'tenants'> {
  readonly tenants: Readonly<
    Record<string, { readonly weight: number; readonly maxRunning?: number | null; readonly maxWaiting: number | null }>
  >
}

function buildRules(options: RuleOptions): QueueRules {
  const { capacity, ageingMs, concurrency, maxWaiting, maxWaitingPerTenant, maxRunningPerTenant, tenants } = options
  const each = { weight: 1, maxRunning: maxRunningPerTenant ?? Infinity, maxWaiting: maxWaitingPerTenant }
  const named = Object.entries(tenants).map(([tenant, policy]): [string, TenantRules] => [
    tenant,
    {
      weight: policy.weight,
      maxRunning: policy.maxRunning ?? each.maxRunning,
      maxWaiting: policy.maxWaiting ?? each.maxWaiting,
    },
  ])
  return {
    capacity: capacity ?? Infinity,
    ageingMs,
    all: { weight: 1, maxRunning: concurrency, maxWaiting },
    each,
    tenants: new Map(named),
  }
}
