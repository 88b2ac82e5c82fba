/** The warm pool. */
export type { HistogramSnapshot } from './histogram.js'
export { SandboxLease } from './lease.js'
export { SandboxPool, type PoolStats } from './sandbox-pool.js'
export type { TemplateStats } from './shelf.js'
export type { DiscardReason, PoolTotals } from './tally.js'
