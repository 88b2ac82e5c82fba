/**
 * One build from its start to its result: a sandbox, the source, caches, steps, artifacts, caches again.
 *
 * Whatever happens, this ends in a result, and nothing of the build runs any more when it does.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MAX_TIMER_MS } from '../options/index.js'
import {
  ArtifactError,
  CallTimeoutError,
  GuestFileError,
  ProtocolError,
  RpcError,
  SandboxError,
  SpawnError,
} from '../errors.js'
import { printable } from '../printable.js'
import type { ContainerSandbox } from '../sandbox/container-sandbox.js'
import { withSpan } from '../telemetry/index.js'
import type { ArtifactFile, BuildFailure, BuildOutcome, CacheResult, StepResult } from './build-events.js'
import type { BuildCaches } from './build-caches.js'
import type { BuildJob } from './build-job.js'
import { ARTIFACTS_FOLDER, TRACE_FILE } from './build-record.js'
import type { BuildSandbox } from './build-sandbox.js'
import { collectArtifacts } from './artifacts/index.js'
import type { BuildLog } from './log/index.js'
import { PREPARE_MS, SAVE_MS } from './phase-limits.js'
import { prepareBuild, type PreparedBuild, type RunServices } from './prepare-build.js'
import { runStep, stepName, succeeded, WORKSPACE, type StepContext } from './run-step.js'
import { sandboxEnd } from './sandbox-end.js'
import { stopReason } from './stop.js'

const MAX_MESSAGE_CHARACTERS = 2_000

/** What a build came to, without the times, which its runner adds. */
export interface BuildEnd {
  outcome: BuildOutcome
  error: BuildFailure | null
  commit: string | null
  readonly steps: StepResult[]
  caches: readonly CacheResult[]
  artifacts: readonly ArtifactFile[]
  artifactsDir: string | null
}

/** Runs a build whose turn has come. Never rejects. */
export async function runBuild(job: BuildJob, log: BuildLog, services: RunServices): Promise<BuildEnd> {
  const end: BuildEnd = {
    outcome: 'error',
    error: null,
    commit: null,
    steps: [],
    caches: [],
    artifacts: [],
    artifactsDir: null,
  }
  let held: BuildSandbox | null = null
  let caches: BuildCaches | null = null
  const hold = (sandbox: BuildSandbox | null): void => void (held = sandbox)
  try {
    const prepared = await withDeadline(job, PREPARE_MS + services.options.engineWaitMs, () =>
      prepareBuild(job, log, services, hold),
    )
    caches = prepared.caches
    end.commit = prepared.commit
    await job.enter('running')
    end.outcome = await withDeadline(job, job.options.timeoutMs, () => runSteps(job, log, prepared, end))
    if (end.outcome === 'succeeded' || job.options.artifacts.when === 'always') await save(job, log, prepared, end)
  } catch (error) {
    // What goes wrong over the leftovers of steps that failed changes nothing of how they ended.
    if (end.outcome === 'error' || end.outcome === 'succeeded') end.outcome = outcomeOf(error, job)
    end.error = describeError(error, job)
  } finally {
    end.caches = caches?.results ?? []
    await release(held, end, job)
  }
  return end
}

async function runSteps(job: BuildJob, log: BuildLog, prepared: PreparedBuild, end: BuildEnd): Promise<BuildOutcome> {
  const { options, masker } = job
  const { sandbox } = prepared.held
  const env = { HOME: '/tmp', CI: 'true', ...options.env }
  const context: StepContext = { sandbox, env, secrets: options.secrets, masker, log, signal: job.stopped }
  let outcome: BuildOutcome = 'succeeded'
  for (const [index, step] of options.steps.entries()) {
    const name = stepName(step, masker)
    const stopped = stopReason(job.stopped)
    if (stopped !== null && outcome === 'succeeded') outcome = stopped === 'timeout' ? 'timeout' : 'canceled'
    if (outcome !== 'succeeded') {
      end.steps.push(skipped(index, name))
      continue
    }
    await log.append({ type: 'step', index, name, state: 'started' })
    const running = withSpan('container_sandbox.step', { 'container_sandbox.step.index': index }, async (span) => {
      const ended = await runStep(step, index, context)
      span.setAttribute('container_sandbox.step.outcome', ended.outcome)
      return ended
    })
    const result = await running.catch(async (error: unknown) => {
      const broken = { ...skipped(index, name), outcome: outcomeOfBroken(error, job) }
      const rest = options.steps.map((each, at) => skipped(at, stepName(each, masker))).slice(index + 1)
      end.steps.push(broken, ...rest)
      await log.append({ type: 'step', index, name, state: 'finished', result: broken })
      throw error
    })
    end.steps.push(result)
    await log.append({ type: 'step', index, name, state: 'finished', result })
    if (!succeeded(result)) outcome = outcomeAfter(result, job, sandbox.state === 'ready')
  }
  return outcome
}

/** Stops the build when `work` takes longer. */
async function withDeadline<T>(job: BuildJob, ms: number, work: () => Promise<T>): Promise<T> {
  const timer = setTimeout(() => job.stop('timeout'), Math.min(ms, MAX_TIMER_MS))
  try {
    return await work()
  } finally {
    clearTimeout(timer)
  }
}

function outcomeAfter(result: StepResult, job: BuildJob, alive: boolean): BuildOutcome {
  const stopped = stopReason(job.stopped)
  if (stopped !== null) return stopped === 'timeout' ? 'timeout' : 'canceled'
  if (result.outcome === 'jailbreak' || result.outcome === 'lost') return result.outcome
  return result.continued && alive ? 'succeeded' : 'failed'
}

/** The end of a step that has none of its own, since running it failed. */
function outcomeOfBroken(error: unknown, job: BuildJob): StepResult['outcome'] {
  const outcome = outcomeOf(error, job)
  return outcome === 'succeeded' || outcome === 'failed' || outcome === 'error' ? 'skipped' : outcome
}

function skipped(index: number, name: string): StepResult {
  const nothing = { exitCode: null, signal: null, continued: false, durationMs: 0, cpuMs: 0, maxRssBytes: 0 }
  return { index, name, outcome: 'skipped', ...nothing }
}

/** What is kept of a build whose steps have ended. A sandbox that is gone keeps nothing. */
async function save(job: BuildJob, log: BuildLog, prepared: PreparedBuild, end: BuildEnd): Promise<void> {
  const { sandbox } = prepared.held
  if (sandbox.state !== 'ready' || job.canceled.aborted) return
  await job.enter('saving')
  const deadline = AbortSignal.timeout(SAVE_MS)
  const signal = AbortSignal.any([deadline, job.canceled])
  try {
    await collect(job, log, sandbox, end, signal)
  } catch (error) {
    if (!deadline.aborted || job.canceled.aborted) throw error
    throw new SaveTimeout(`the artifacts were not there within ${SAVE_MS} ms`, { cause: error })
  }
  // After the artifacts, which can fail a build: a failed one leaves no cache.
  if (end.outcome === 'succeeded') await prepared.caches.save(signal)
}

/** The guest took too long over what was to be kept of it. */
class SaveTimeout extends CallTimeoutError {}

async function collect(
  job: BuildJob,
  log: BuildLog,
  sandbox: ContainerSandbox,
  end: BuildEnd,
  signal: AbortSignal,
): Promise<void> {
  const { artifacts } = job.options
  if (artifacts.paths.length === 0) return
  const target = join(job.folder, ARTIFACTS_FOLDER)
  const request = { workspace: WORKSPACE, artifacts, target, signal }
  const { files, entries, bytes } = await collectArtifacts(sandbox, request)
  end.artifacts = files.map((file) => ({ ...file, path: job.masker.text(file.path) }))
  end.artifactsDir = files.length === 0 ? null : target
  await log.append({ type: 'artifacts', entries, bytes })
}

function outcomeOf(error: unknown, job: BuildJob): BuildOutcome {
  const stopped = stopReason(job.stopped)
  if (stopped !== null) return stopped === 'timeout' ? 'timeout' : 'canceled'
  if (error instanceof SaveTimeout) return 'timeout'
  // What a build left, and what its inside answers, is its own doing; what this host could not take is not.
  const ofGuest = [ArtifactError, GuestFileError, RpcError, SpawnError]
  if (ofGuest.some((kind) => error instanceof kind)) return 'failed'
  if (error instanceof ProtocolError) return 'lost'
  const end = sandboxEnd(error)
  if (end === null) return 'error'
  if (end.reason === 'jailbreak') return 'jailbreak'
  if (end.reason === 'lifetime') return 'timeout'
  return end.reason === 'oom' ? 'failed' : 'lost'
}

function describeError(error: unknown, job: BuildJob): BuildFailure | null {
  if (job.stopped.aborted && !(error instanceof SandboxError)) return null
  const code = error instanceof SandboxError ? error.code : 'ERR_UNEXPECTED'
  const message = error instanceof Error ? error.message : String(error)
  return { code, message: printable(job.masker.text(message), MAX_MESSAGE_CHARACTERS) }
}

async function release(held: BuildSandbox | null, end: BuildEnd, job: BuildJob): Promise<void> {
  if (held === null) return
  try {
    if (job.options.trace !== null) {
      const text = job.masker.text(JSON.stringify(held.sandbox.trace.summary()))
      await writeFile(join(job.folder, TRACE_FILE), `${text}\n`, { mode: 0o600 })
    }
  } catch (error) {
    end.error ??= describeError(error, job)
  }
  try {
    await held.release(end.outcome === 'succeeded' || end.outcome === 'failed')
  } catch (error) {
    // What the engine could not remove ends by itself and is swept; the build has its result.
    end.error ??= describeError(error, job)
  }
}
