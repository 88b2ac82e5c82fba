/** One build on its way through a runner: what it is, how far it is, and what stops it. */
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { ResolvedBuildOptions } from '../options/index.js'
import type { BuildResult, BuildState } from './build-events.js'
import { LOG_FILE, writeRecord } from './build-record.js'
import { SecretMasker } from './output/index.js'
import { BuildStopped, type StopReason } from './stop.js'

/** A build that was taken. */
export class BuildJob {
  readonly id: string
  readonly options: ResolvedBuildOptions
  /** The folder of its record, log and artifacts. */
  readonly folder: string
  readonly submittedAt = new Date()
  startedAt: Date | null = null
  state: BuildState = 'queued'

  readonly #stop = new AbortController()
  readonly #cancel = new AbortController()
  #masker: SecretMasker | null = null
  #isOver = false

  constructor(id: string, options: ResolvedBuildOptions, folder: string) {
    this.id = id
    this.options = options
    this.folder = folder
    // Nobody else listens before its turn has come, and an error that nobody hears ends the process.
    this.#stream?.on('error', () => undefined)
  }

  /** Its tables take many times what the secrets do: they are kept from the build's turn to its end only. */
  get masker(): SecretMasker {
    if (this.#masker !== null) return this.#masker
    const masker = new SecretMasker(Object.values(this.options.secrets))
    if (this.startedAt !== null && !this.#isOver) this.#masker = masker
    return masker
  }

  get logPath(): string {
    return join(this.folder, LOG_FILE)
  }

  /** Aborts with a {@link BuildStopped} when the steps must end. */
  get stopped(): AbortSignal {
    return this.#stop.signal
  }

  /** The same, but not for a timeout: what follows the steps has a deadline of its own. */
  get canceled(): AbortSignal {
    return this.#cancel.signal
  }

  /** Stops the build; the first reason counts. */
  stop(reason: StopReason): void {
    const error = new BuildStopped(reason)
    this.#stop.abort(error)
    if (reason !== 'timeout') this.#cancel.abort(error)
  }

  /** Lets go of what an ended build needs no more. A stream that nobody has read would keep its other end waiting. */
  letGo(): void {
    this.#isOver = true
    this.#masker = null
    this.#stream?.destroy()
  }

  /** Goes on to a state, on disk too. */
  async enter(state: BuildState, result: BuildResult | null = null): Promise<void> {
    this.state = state
    const { tenant, labels } = this.options
    const submittedAt = this.submittedAt.toISOString()
    const startedAt = this.startedAt?.toISOString() ?? null
    const record = { version: 1 as const, id: this.id, tenant, state, labels, submittedAt, startedAt, result }
    // A build does not outlive a loss of power; its result does.
    await writeRecord(this.folder, record, result !== null)
  }

  get #stream(): Readable | null {
    const { source } = this.options
    return source !== null && 'tar' in source && source.tar instanceof Readable ? source.tar : null
  }
}
