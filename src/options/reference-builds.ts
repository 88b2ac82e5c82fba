/** The sections of docs/options.md on builds and what is around them. */
import type { z } from 'zod'
import { buildArtifactsSchema, buildCacheSchema, buildOptionsSchema, buildWorkspaceSchema } from './build-options.js'
import { bundleSourceSchema, folderSourceSchema, gitSourceSchema, tarSourceSchema } from './build-source.js'
import { buildStepSchema } from './build-step.js'
import { metricsOptionsSchema } from './metrics-options.js'
import {
  acquireOptionsSchema,
  poolCloseOptionsSchema,
  poolOptionsSchema,
  releaseOptionsSchema,
} from './pool-options.js'
import { fairQueueSchema, tenantJobSchema, tenantQueueSchema } from './queue-options.js'
import {
  cacheStoreSchema,
  runnerCloseOptionsSchema,
  runnerOptionsSchema,
  runnerPoolSchema,
  runnerQueueSchema,
  tenantPolicySchema,
} from './runner-options.js'
import { toolchainOptionsSchema } from './toolchain-options.js'

/** One table of the page. */
export interface Section {
  readonly title: string
  readonly intro: string
  readonly schema: z.core.$ZodType
}

/** In the order of the page. */
export const BUILD_SECTIONS: readonly Section[] = [
  {
    title: '`BuildRunner.open(options)`',
    intro: 'See [builds](building.md).',
    schema: runnerOptionsSchema,
  },
  { title: '`queue`', intro: 'Of a build runner.', schema: runnerQueueSchema },
  { title: '`tenants`', intro: 'Each entry of `tenants` of a build runner.', schema: tenantPolicySchema },
  { title: '`pool`', intro: 'Of a build runner.', schema: runnerPoolSchema },
  { title: '`cacheStore`', intro: 'Of a build runner.', schema: cacheStoreSchema },
  { title: '`runner.submit(options)`', intro: 'One build.', schema: buildOptionsSchema },
  { title: '`runner.close(options)`', intro: 'The end of a build runner.', schema: runnerCloseOptionsSchema },
  { title: '`source`: a folder', intro: 'Of a build.', schema: folderSourceSchema },
  { title: '`source`: an archive', intro: 'Of a build.', schema: tarSourceSchema },
  { title: '`source`: a git repository', intro: 'Of a build.', schema: gitSourceSchema },
  { title: '`source`: a git bundle', intro: 'Of a build.', schema: bundleSourceSchema },
  { title: '`steps[]`', intro: 'Each entry of `steps` of a build.', schema: buildStepSchema },
  { title: '`workspace`', intro: 'Of a build or of a build runner.', schema: buildWorkspaceSchema },
  { title: '`caches[]`', intro: 'Each entry of `caches` of a build.', schema: buildCacheSchema },
  { title: '`artifacts`', intro: 'Of a build: an array of globs, or this object.', schema: buildArtifactsSchema },
  {
    title: '`new SandboxPool(options)`',
    intro: 'Warm sandboxes, without a build runner too.',
    schema: poolOptionsSchema,
  },
  { title: '`pool.acquire(options)`', intro: 'One sandbox of a pool.', schema: acquireOptionsSchema },
  { title: '`lease.release(options)`', intro: 'The end of a use.', schema: releaseOptionsSchema },
  { title: '`pool.close(options)`', intro: 'The end of a pool.', schema: poolCloseOptionsSchema },
  { title: '`new TenantQueue(options)`', intro: 'A fair queue with caps and a budget.', schema: tenantQueueSchema },
  { title: '`tenantQueue.add(work, options)`', intro: 'One job.', schema: tenantJobSchema },
  {
    title: '`FairQueue.with(options)`',
    intro: 'A `queueClass` for a `p-queue` of your own: its order, without caps.',
    schema: fairQueueSchema,
  },
  { title: '`buildToolchain(options)`', intro: 'The base `toolchain`.', schema: toolchainOptionsSchema },
  {
    title: '`MetricsEndpoint.open(options)`',
    intro: 'See [observability](observability.md).',
    schema: metricsOptionsSchema,
  },
]
