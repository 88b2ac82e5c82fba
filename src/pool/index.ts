/** The warm pool. */
export type { HistogramSnapshot } from './histogram.js'
export { SandboxLease } from './lease.js'
export { SandboxPool, type PoolStats } from './sandbox-pool.js'
export type { DiscardReason, TemplateStats } from './tally.js'
