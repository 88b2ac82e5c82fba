/** What is kept of builds that have ended: the newest, for some time. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'

/** How much is kept. */
export interface Retention {
  readonly keepBuilds: number
  readonly keepMs: number
}

/** The folders of ended builds, oldest first, and their removal. */
export class EndedBuilds {
  readonly #folder: string
  readonly #retention: Retention
  readonly #ended: { readonly id: string; readonly finishedMs: number }[]

  /** @param ended builds that are there already, in any order */
  constructor(
    folder: string,
    retention: Retention,
    ended: readonly { readonly id: string; readonly finishedMs: number }[],
  ) {
    this.#folder = folder
    this.#retention = retention
    this.#ended = [...ended].sort((one, other) => one.finishedMs - other.finishedMs)
  }

  /** Takes a build that has ended now, and removes what is too much or too old. */
  async add(id: string): Promise<void> {
    this.#ended.push({ id, finishedMs: Date.now() })
    await this.trim()
  }

  /** Removes what is too much or too old. */
  async trim(): Promise<void> {
    const { keepBuilds, keepMs } = this.#retention
    const oldest = Date.now() - keepMs
    while (this.#ended.length > keepBuilds || (this.#ended[0]?.finishedMs ?? Infinity) < oldest) {
      const { id } = this.#ended.shift() ?? { id: '' }
      if (id !== '') await rm(join(this.#folder, id), { recursive: true, force: true })
    }
  }
}
