import fc from 'fast-check'
import type { QueueRules, TenantRules } from '../../../src/queue/queue-rules.js'

/** Tenants of all depths, with parents that have jobs of their own. */
export const TENANTS = ['a', 'b', 'c', 'a/x', 'a/y', 'b/x', 'a/x/1', 'a/x/2', 'a/x/1/deep'] as const

export const tenant = fc.constantFrom(...TENANTS)
export const priority = fc.integer({ min: -2, max: 2 })
/** Sums of these are exact. */
export const cost = fc.constantFrom(0.25, 1, 1, 1, 2, 5, 17)
const weight = fc.constantFrom(0.25, 1, 2, 4)
const cap = fc.constantFrom(1, 2, 3, Infinity, Infinity)

const tenantRules: fc.Arbitrary<TenantRules> = fc.record({ weight, maxRunning: cap, maxWaiting: fc.constant(Infinity) })

/** Rules with caps; a queue without a capacity is the more frequent one. */
export const rules: fc.Arbitrary<QueueRules> = fc.record({
  capacity: fc.constantFrom(Infinity, 8, 12),
  ageingMs: fc.constantFrom(null, 10),
  all: fc.record({
    weight: fc.constant(1),
    maxRunning: fc.integer({ min: 1, max: 6 }),
    maxWaiting: fc.constant(Infinity),
  }),
  each: tenantRules,
  tenants: fc.dictionary(tenant, tenantRules).map((policies) => new Map(Object.entries(policies))),
})

/** A queue without caps. */
export function openRules(weights: Readonly<Record<string, number>> = {}): QueueRules {
  const each = { weight: 1, maxRunning: Infinity, maxWaiting: Infinity }
  return {
    capacity: Infinity,
    ageingMs: null,
    all: each,
    each,
    tenants: new Map(Object.entries(weights).map(([name, weight]) => [name, { ...each, weight }])),
  }
}
