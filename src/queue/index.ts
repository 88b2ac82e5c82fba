/** A fair queue for jobs of many tenants. */
export { FairQueue } from './fair-queue.js'
export type { QueueDepth } from './schedule.js'
export { TenantQueue, type JobContext } from './tenant-queue.js'
