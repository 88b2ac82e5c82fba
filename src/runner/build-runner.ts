/**
 * Runs builds of many tenants, each in its own sandbox, fairly and within the budget of the machine.
 *
 * A build is taken with a record on disk, waits in the fair queue, runs, and ends with a result in that record. Whatever ends
 * the runner, the next one on the same folder finds every build finished or calls it lost, and nothing of it runs.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as macrotask } from 'node:timers/promises'
import { HostFileError, InvalidStateError } from '../errors.js'
import {
  parseBuildOptions,
  parseRunnerCloseOptions,
  parseRunnerOptions,
  type BuildOptions,
  type ResolvedBuildOptions,
  type RunnerCloseOptions,
  type RunnerOptions,
} from '../options/index.js'
import type { PoolStats } from '../pool/index.js'
import { publish } from '../telemetry/index.js'
import { Build } from './build.js'
import type { BuildResult } from './build-events.js'
import { BuildJob } from './build-job.js'
import { isBuildId, readRecord, type BuildRecord } from './build-record.js'
import { costOf, memoryOf } from './build-sandbox.js'
import type { BuildLog } from './log/index.js'
import { openParts, type RunnerParts } from './open-runner.js'
import { finishUnstarted, performBuild, queuedEvent } from './perform-build.js'

/** How much a runner has to do. */
export interface RunnerStats {
  readonly waiting: number
  readonly running: number
  /** `null` without a pool. */
  readonly pool: PoolStats | null
}

/** The build runner. */
export class BuildRunner implements AsyncDisposable {
  /** Builds that an earlier runner on the same folder left unfinished; their result is `lost`. */
  readonly lost: readonly string[]
  readonly #parts: RunnerParts
  readonly #living = new Map<string, Build>()
  /** Submissions that are under way: closing waits for them too. */
  readonly #submissions = new Set<Promise<unknown>>()
  #closed: Promise<void> | null = null

  private constructor(parts: RunnerParts) {
    this.#parts = parts
    this.lost = parts.lost
  }

  /**
   * Opens a runner on its state folder. What a dead runner left there is ended and told as `lost`.
   * @throws {InvalidOptionsError} {@link InvalidStateError} when a living runner has the folder. {@link UserError} when the folder
   * cannot be used, {@link HostFileError} when something in it cannot. {@link EngineUnavailableError} {@link EngineRequestError}
   */
  static async open(options: RunnerOptions = {}): Promise<BuildRunner> {
    return new BuildRunner(await openParts(parseRunnerOptions(options)))
  }

  /**
   * Takes a build. It is on disk when this resolves.
   * @throws {InvalidOptionsError} {@link QueueFullError} {@link InvalidStateError} after `close()`. {@link HostFileError} when its record
   * cannot be written.
   */
  async submit(options: BuildOptions): Promise<Build> {
    const build = parseBuildOptions(options)
    if (this.#closed !== null) throw new InvalidStateError('the build runner is closed: open another one')
    const submission = this.#submit(build)
    this.#submissions.add(submission)
    try {
      return await submission
    } finally {
      this.#submissions.delete(submission)
    }
  }

  /** A build that has not ended; `null` for any other. */
  get(id: string): Build | null {
    return this.#living.get(id) ?? null
  }

  /** Builds that have not ended, in the order of their submission. */
  list(): readonly Build[] {
    return [...this.#living.values()]
  }

  /** What is on disk of a build, living or ended; `null` when there is nothing, or nothing any more. */
  async find(id: string): Promise<BuildRecord | null> {
    if (!isBuildId(id)) return null
    return readRecord(join(this.#parts.buildsDir, id))
  }

  /** What Prometheus is to scrape, with the option `metrics`; else `null`. */
  get metricsUrl(): string | null {
    return this.#parts.metricsUrl
  }

  /** How much there is to do. */
  stats(): RunnerStats {
    const { queue, services } = this.#parts
    return { waiting: queue.waiting, running: queue.running, pool: services.pool?.stats() ?? null }
  }

  /**
   * Takes no more builds and resolves when all have ended and nothing of them is left. Idempotent.
   * @param options - `cancel: true` cancels them all; default: they run to their ends
   * @throws {InvalidOptionsError}
   */
  async close(options: RunnerCloseOptions = {}): Promise<void> {
    const { cancel } = parseRunnerCloseOptions(options)
    const closed = (this.#closed ??= this.#drain())
    if (cancel) {
      await Promise.allSettled(this.#submissions)
      for (const build of this.#living.values()) void build.cancel()
    }
    return closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close({ cancel: true })
  }

  async #submit(build: ResolvedBuildOptions): Promise<Build> {
    const { buildsDir, queue, options: own } = this.#parts
    const id = randomUUID()
    const job = new BuildJob(id, build, join(buildsDir, id))
    const { tenant, priority } = build
    const waiting = new AbortController()
    const created = deferred<void>()
    const logged = deferred<BuildLog | null>()
    const perform = async (): Promise<BuildResult> => {
      await created.promise
      return performBuild(job, this.#parts.services, logged.resolve)
    }
    const budget = { cost: costOf(build, own), units: memoryOf(build, own) }
    const turn = queue.add(perform, { id, tenant, priority, ...budget, signal: waiting.signal })
    // A refusal by the queue is there before any other work: nothing is made for a build that is not taken.
    const refusal = await Promise.race([turn.then(() => null).catch((error: Error) => error), macrotask(null)])
    if (refusal !== null) throw refusal
    try {
      await mkdir(job.folder, { mode: 0o700 })
      await job.enter('queued')
    } catch (cause) {
      waiting.abort()
      created.reject(cause as Error)
      await rm(job.folder, { recursive: true, force: true }).catch(() => undefined)
      throw new HostFileError((cause as NodeJS.ErrnoException).code ?? 'EIO', 'cannot record a build in', job.folder, {
        cause,
      })
    }
    created.resolve()
    const unfollow = followSignal(build.signal, job)
    const result = turn
      .catch(() => finishUnstarted(job, this.#parts.services, logged.resolve))
      .then((ended) => this.#keep(ended))
      .finally(() => {
        unfollow()
        job.letGo()
      })
    const handle = new Build(job, { logged: logged.promise, result, queued: () => queuedEvent(job) })
    this.#living.set(id, handle)
    // While it waits, the queue lets it go; once it runs, it ends itself.
    job.stopped.addEventListener('abort', () => job.state === 'queued' && waiting.abort(), { once: true })
    if (job.stopped.aborted) waiting.abort()
    publish('container-sandbox:build:submit', () => ({ buildId: id, tenant }))
    return handle
  }

  async #drain(): Promise<void> {
    await Promise.allSettled(this.#submissions)
    await Promise.all([...this.#living.values()].map(({ result }) => result))
    await this.#parts.close()
  }

  async #keep(result: BuildResult): Promise<BuildResult> {
    await this.#parts.ended.add(result)
    this.#living.delete(result.id)
    return result
  }
}

/** @returns what ends it: a signal can outlive many builds */
function followSignal(signal: AbortSignal | null, job: BuildJob): () => void {
  const onAbort = (): void => job.stop('canceled')
  if (signal?.aborted === true) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  return () => signal?.removeEventListener('abort', onAbort)
}

function deferred<T>(): {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (error: Error) => void
} {
  let resolve: (value: T) => void = () => undefined
  let reject: (error: Error) => void = () => undefined
  const promise = new Promise<T>((settle, fail) => {
    resolve = settle
    reject = fail
  })
  promise.catch(() => undefined)
  return { promise, resolve, reject }
}
