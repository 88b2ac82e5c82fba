/** One build as its submitter sees it. */
import type { BuildEvent, BuildResult, BuildState } from './build-events.js'
import type { BuildJob } from './build-job.js'
import { abortable } from '../sandbox/abortable.js'
import { parseReadLogOptions, type BuildLog } from './log/index.js'

/** What a runner tells a handle. */
export interface BuildProgress {
  /** Resolves when the log can be read: at the start, or when the build ends; `null` when none could be made. */
  readonly logged: Promise<BuildLog | null>
  readonly result: Promise<BuildResult>
  readonly queued: () => BuildEvent
}

/** A build that was taken: its events as they come, its result, and the way to cancel it. */
export class Build implements AsyncIterable<BuildEvent> {
  readonly id: string
  readonly tenant: string
  /** The log on this host: one event a line. It is there once the build has started. */
  readonly logPath: string
  /** What is left of the build, when nothing of it runs any more. Never rejects. */
  readonly result: Promise<BuildResult>
  readonly #job: BuildJob
  readonly #progress: BuildProgress

  /** @internal */
  constructor(job: BuildJob, progress: BuildProgress) {
    this.id = job.id
    this.tenant = job.options.tenant
    this.logPath = job.logPath
    this.result = progress.result
    this.#job = job
    this.#progress = progress
  }

  get state(): BuildState {
    return this.#job.state
  }

  /** Cancels the build, waiting or running. Idempotent. @returns the result, when nothing of it runs any more */
  async cancel(): Promise<BuildResult> {
    this.#job.stop('canceled')
    return this.result
  }

  /** All events, from the first on, as {@link events} without a signal. */
  [Symbol.asyncIterator](): AsyncIterator<BuildEvent> {
    return this.events()[Symbol.asyncIterator]()
  }

  /**
   * All events, from the first on, up to `finished`. They are read from the log, so any number of readers can be as slow as
   * they like. Where the log cannot be written, on a full disk, they end before. Texts are the guest's: escape them before a
   * terminal shows them.
   * @param signal ends the reading: the iteration throws its reason
   * @throws {InvalidOptionsError} {@link HostFileError} when the log cannot be read, or is not kept any more
   */
  async *events(signal?: AbortSignal): AsyncIterable<BuildEvent> {
    const options = parseReadLogOptions({ follow: true, from: 1, signal: signal ?? null })
    const { queued, logged } = this.#progress
    yield queued()
    const log = await (options.signal === null ? logged : abortable(options.signal, logged))
    if (log !== null) yield* log.read(options)
  }
}
