/** What is kept of builds that have ended: the newest, for some time. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { logRecord, type Logger } from '../telemetry/index.js'

/** How much is kept. */
export interface Retention {
  readonly keepBuilds: number
  readonly keepMs: number
}

/** The folders of ended builds, oldest first, and their removal. */
export class EndedBuilds {
  readonly #folder: string
  readonly #retention: Retention
  readonly #logger: Logger
  readonly #ended: { readonly id: string; readonly finishedMs: number }[]

  /** @param ended builds that are there already, in any order */
  constructor(
    folder: string,
    retention: Retention,
    logger: Logger,
    ended: readonly { readonly id: string; readonly finishedMs: number }[],
  ) {
    this.#folder = folder
    this.#retention = retention
    this.#logger = logger
    this.#ended = [...ended].sort((one, other) => one.finishedMs - other.finishedMs)
  }

  /** Takes a build that has ended now, and removes what is too much or too old. */
  async add(id: string): Promise<void> {
    this.#ended.push({ id, finishedMs: Date.now() })
    await this.trim()
  }

  /** Removes what is too much or too old. What cannot be removed is told of, and left to the next runner. Never rejects. */
  async trim(): Promise<void> {
    const { keepBuilds, keepMs } = this.#retention
    const oldest = Date.now() - keepMs
    for (let first = this.#ended[0]; first !== undefined; first = this.#ended[0]) {
      if (this.#ended.length <= keepBuilds && first.finishedMs >= oldest) return
      this.#ended.shift()
      const { id } = first
      await rm(join(this.#folder, id), { recursive: true, force: true }).catch((err: Error) =>
        this.#logger.warn(logRecord({ buildId: id, err }), 'an ended build cannot be removed'),
      )
    }
  }
}
