/** What the files of a build may hold. They lie on disk, where they can be damaged: they are checked when they are read. */
import { z } from 'zod'
import type { ArtifactFile, BuildFailure, BuildResult, CacheResult, StepResult } from './build-events.js'

const count = z.number().nonnegative()

/** How one step ended. */
export const stepResultSchema: z.ZodType<StepResult> = z.strictObject({
  index: count,
  name: z.string(),
  outcome: z.enum([
    'exited',
    'signaled',
    'timeout',
    'cpuTime',
    'oom',
    'outputLimit',
    'canceled',
    'jailbreak',
    'lost',
    'skipped',
  ]),
  exitCode: z.number().int().nullable(),
  signal: z.string().nullable(),
  continued: z.boolean(),
  durationMs: count,
  cpuMs: count,
  maxRssBytes: count,
})

const cacheResultSchema: z.ZodType<CacheResult> = z.strictObject({
  key: z.string(),
  restored: z.enum(['exact', 'fallback', 'none']),
  restoredBytes: count,
  saved: z.boolean(),
  savedBytes: count,
  reason: z.string().nullable(),
})

const artifactFileSchema: z.ZodType<ArtifactFile> = z.strictObject({
  path: z.string(),
  type: z.enum(['file', 'directory', 'symlink']),
  bytes: count,
})

const failureSchema: z.ZodType<BuildFailure> = z.strictObject({ code: z.string(), message: z.string() })

/** What is left of a build. */
export const buildResultSchema: z.ZodType<BuildResult> = z.strictObject({
  id: z.string(),
  tenant: z.string(),
  outcome: z.enum(['succeeded', 'failed', 'timeout', 'canceled', 'jailbreak', 'lost', 'error']),
  steps: z.array(stepResultSchema),
  caches: z.array(cacheResultSchema),
  artifacts: z.array(artifactFileSchema),
  artifactsDir: z.string().nullable(),
  logPath: z.string(),
  logTruncated: z.boolean(),
  error: failureSchema.nullable(),
  submittedAt: z.string(),
  startedAt: z.string().nullable(),
  finishedAt: z.string(),
  queuedMs: count,
  durationMs: count,
  commit: z.string().nullable(),
})
