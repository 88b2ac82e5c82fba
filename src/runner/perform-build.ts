/** A build's turn: the log is opened, the build runs, its result is written. What is told of builds in numbers is told here. */
import { count, logRecord, observe, publish, withSpan } from '../telemetry/index.js'
import type { BuildEvent, BuildEventBody, BuildResult } from './build-events.js'
import type { BuildJob } from './build-job.js'
import { BuildLog } from './log/index.js'
import type { RunServices } from './prepare-build.js'
import { runBuild, type BuildEnd } from './run-build.js'
import { stepName } from './run-step.js'

/** The first event of a build, as it stands in its log too. */
export function queuedEvent(job: BuildJob): BuildEvent {
  return { seq: 0, time: job.submittedAt.toISOString(), ...queuedBody(job) }
}

/** Is told of the log of a build as soon as it can be read, or of `null` when there will be none. The first call counts. */
type OnLogged = (log: BuildLog | null) => void

/** Runs a build from its turn to its result. Never rejects. */
export async function performBuild(job: BuildJob, services: RunServices, logged: OnLogged): Promise<BuildResult> {
  const { id, options } = job
  job.startedAt = new Date()
  let log: BuildLog | null = null
  let end: BuildEnd
  try {
    await job.enter('starting')
    log = await openLog(job, services.options.logBytes)
    logged(log)
    const ready = log
    end = await withSpan(
      'container_sandbox.build',
      { 'container_sandbox.build.id': id, 'container_sandbox.build.tenant': options.tenant },
      async (span) => {
        const ended = await runBuild(job, ready, services)
        span.setAttribute('container_sandbox.build.outcome', ended.outcome)
        return ended
      },
    )
  } catch (error) {
    // The host cannot write its record or its log: nothing of the build has run.
    end = failed('error', { code: codeOf(error), message: messageOf(error) })
  }
  return finish(job, log, end, services, logged)
}

/** The result of a build that was canceled before its turn. Never rejects. */
export async function finishUnstarted(job: BuildJob, services: RunServices, logged: OnLogged): Promise<BuildResult> {
  const log = await openLog(job, services.options.logBytes).catch(() => null)
  return finish(job, log, failed('canceled', null), services, logged)
}

async function openLog(job: BuildJob, maxBytes: number): Promise<BuildLog> {
  const log = await BuildLog.create(job.logPath, { maxBytes })
  await log.append(queuedBody(job), job.submittedAt)
  return log
}

async function finish(
  job: BuildJob,
  log: BuildLog | null,
  end: BuildEnd,
  { logger }: RunServices,
  logged: OnLogged,
): Promise<BuildResult> {
  const finishedAt = new Date()
  const { id, submittedAt, startedAt, options, logPath } = job
  const durationMs = startedAt === null ? 0 : msBetween(startedAt, finishedAt)
  const result: BuildResult = {
    id,
    tenant: options.tenant,
    ...end,
    logPath,
    logTruncated: log === null || log.truncated || log.failed !== null,
    submittedAt: submittedAt.toISOString(),
    startedAt: startedAt?.toISOString() ?? null,
    finishedAt: finishedAt.toISOString(),
    queuedMs: msBetween(submittedAt, startedAt ?? finishedAt),
    durationMs,
  }
  // A full disk keeps the result from the next runner, which calls the build lost, but not from whoever waits for it here.
  await job.enter('finished', result).catch((err: unknown) => {
    logger.error(logRecord({ buildId: id, err: err as Error }), 'the result of a build cannot be recorded')
  })
  await log?.append({ type: 'finished', result })
  await log?.close()
  logged(log)
  if (log !== null && log.failed !== null)
    logger.warn(logRecord({ buildId: id, err: log.failed }), 'the log of a build is not whole')
  const { outcome, queuedMs } = result
  const record = { buildId: id, tenant: options.tenant, outcome, queuedMs, durationMs, code: result.error?.code }
  logger.info(logRecord(record), 'build finished')
  count('container_sandbox.build.ends', 1, { outcome: result.outcome })
  observe('container_sandbox.build.duration', durationMs / 1000, { outcome: result.outcome })
  publish('container-sandbox:build:end', () => ({
    buildId: id,
    tenant: options.tenant,
    outcome: result.outcome,
    durationMs,
  }))
  return result
}

function queuedBody(job: BuildJob): BuildEventBody & { readonly type: 'queued' } {
  const { id, options, masker } = job
  return { type: 'queued', id, tenant: options.tenant, steps: options.steps.map((step) => stepName(step, masker)) }
}

function failed(outcome: BuildEnd['outcome'], error: BuildEnd['error']): BuildEnd {
  return { outcome, error, commit: null, steps: [], caches: [], artifacts: [], artifactsDir: null }
}

function codeOf(error: unknown): string {
  const { code } = error as { readonly code?: unknown }
  return typeof code === 'string' ? code : 'ERR_UNEXPECTED'
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The clock of a host can be set back. */
function msBetween(begin: Date, end: Date): number {
  return Math.max(0, end.getTime() - begin.getTime())
}
