/** One build as its submitter sees it. */
import type { BuildEvent, BuildResult, BuildState } from './build-events.js'
import type { BuildJob } from './build-job.js'
import { readBuildLog } from './log/index.js'

/** What a runner tells a handle. */
export interface BuildProgress {
  /** Resolves when the log can be read: at the start, or when the build ends without one. */
  readonly logged: Promise<void>
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
   * they like. Texts are the guest's: escape them before a terminal shows them.
   * @param signal ends the reading; what was read is kept
   */
  async *events(signal?: AbortSignal): AsyncIterable<BuildEvent> {
    const { queued, logged } = this.#progress
    yield queued()
    await logged
    // A log that ended without its last event, on a full disk, has no writer any more who could tell so.
    const follow = !this.#job.logEnded
    yield* readBuildLog(this.logPath, { follow, from: 1, ...(signal === undefined ? {} : { signal }) })
  }
}
