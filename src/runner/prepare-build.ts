/** What comes before the first step: a sandbox, the source, the caches. Until then nothing of the build has run, so it can begin again. */
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Readable } from 'node:stream'
import { EngineRequestError, EngineUnavailableError } from '../errors.js'
import type { ContainerSandbox } from '../sandbox/container-sandbox.js'
import { printable } from '../printable.js'
import { count, logRecord, publish, type Logger } from '../telemetry/index.js'
import type { BuildJob } from './build-job.js'
import { openBuildSandbox, type BuildSandbox, type SandboxSources } from './build-sandbox.js'
import { BuildCaches } from './build-caches.js'
import type { CacheStore } from './caches/index.js'
import type { BuildLog } from './log/index.js'
import { WORKSPACE } from './run-step.js'
import { sandboxEnd } from './sandbox-end.js'
import { placeSource } from './sources/index.js'

/** First and longest pause before a build begins again because the engine is away. */
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 5_000

/** For how long a daemon that shuts down refuses what it is asked: it gives its containers 15 s to end (`--shutdown-timeout`). */
const LONGEST_SHUTDOWN_MS = 20_000

/** What a runner gives to its builds. */
export interface RunServices extends SandboxSources {
  readonly caches: CacheStore
  readonly logger: Logger
  /** Where private folders for sources are made. */
  readonly scratchDir: string
}

/** A build that can run its steps. */
export interface PreparedBuild {
  readonly held: BuildSandbox
  readonly commit: string | null
  readonly caches: BuildCaches
}

/**
 * Prepares a build. While the engine is away it is tried again, for `engineWaitMs`.
 *
 * @param hold - is told of the sandbox as soon as there is one, and of `null` when it was given back
 */
export async function prepareBuild(
  job: BuildJob,
  log: BuildLog,
  services: RunServices,
  hold: (sandbox: BuildSandbox | null) => void,
): Promise<PreparedBuild> {
  // From the first failure on: what came before it can have taken long.
  let failedAt: number | null = null
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    try {
      return await prepareOnce(job, log, services, hold)
    } catch (error) {
      if (!isReplayable(job) || job.stopped.aborted) throw error
      const patienceMs = patienceFor(error, services.options.engineWaitMs)
      failedAt ??= performance.now()
      if (performance.now() + pauseMs > failedAt + patienceMs) throw error
      services.logger.warn(
        logRecord({ buildId: job.id, pauseMs, err: error as Error }),
        'the engine is away: the build begins again',
      )
      await delay(pauseMs, undefined, { signal: job.stopped })
    }
  }
}

async function prepareOnce(
  job: BuildJob,
  log: BuildLog,
  services: RunServices,
  hold: (sandbox: BuildSandbox | null) => void,
): Promise<PreparedBuild> {
  const held = await openBuildSandbox(job.id, job.options, services, job.stopped)
  hold(held)
  try {
    const { sandbox, warm, backing } = held
    const waitMs = Math.max(0, (job.startedAt ?? job.submittedAt).getTime() - job.submittedAt.getTime())
    const { tenant } = job.options
    publish('container-sandbox:build:start', () => ({ buildId: job.id, tenant, sandboxId: sandbox.id, waitMs }))
    await log.append({ type: 'started', waitMs, warm, sandboxId: sandbox.id, workspace: backing })
    sandbox.on('jailbreak', (violation) => {
      if (log.truncated) return
      const text = printable(job.masker.text(JSON.stringify(violation)), 4_000)
      log.append({ type: 'violation', text }).catch(() => undefined)
    })
    const commit = await place(job, log, services, sandbox)
    const caches = new BuildCaches(job, log, services.caches, sandbox)
    await caches.restore(job.stopped)
    return { held, commit, caches }
  } catch (error) {
    if (patienceFor(error, services.options.engineWaitMs) > 0) {
      hold(null)
      await held.release(false).catch(() => undefined)
    }
    throw error
  }
}

async function place(
  job: BuildJob,
  log: BuildLog,
  { options, scratchDir }: RunServices,
  sandbox: ContainerSandbox,
): Promise<string | null> {
  const { source } = job.options
  if (source === null) return null
  const folder = await mkdtemp(join(scratchDir, 'source-'))
  const started = performance.now()
  try {
    const { entries, bytes, commit } = await placeSource(sandbox, source, {
      workspace: WORKSPACE,
      scratchDir: folder,
      maxBytes: options.sourceBytes,
      maxEntries: options.sourceEntries,
      signal: job.stopped,
    })
    count('container_sandbox.build.bytes', bytes, { kind: 'source' })
    await log.append({ type: 'source', entries, bytes, commit, durationMs: performance.now() - started })
    return commit
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/**
 * How long a build that has not begun is tried again after `error`, in milliseconds; 0 when that would not help.
 *
 * An engine that restarts is not there, takes the sandbox along, or refuses while it shuts down.
 */
function patienceFor(error: unknown, engineWaitMs: number): number {
  if (error instanceof EngineUnavailableError) return engineWaitMs
  if (error instanceof EngineRequestError) return error.retryable ? Math.min(engineWaitMs, LONGEST_SHUTDOWN_MS) : 0
  const end = sandboxEnd(error)
  return end !== null && ['engine', 'exited', 'killed'].includes(end.reason) ? engineWaitMs : 0
}

/** A stream can be read once only. */
function isReplayable({ options }: BuildJob): boolean {
  return !(options.source !== null && 'tar' in options.source && options.source.tar instanceof Readable)
}
