/** Waiting for more of a log: told by its writer in this process, or by the kernel about another's (inotify(7)). */
import { watch, type FSWatcher } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { ChangeNotice } from './change-notice.js'
import { findLiveLog, type LiveLog } from './live-logs.js'

/** Tells when there can be more. */
export interface LogWatch {
  /**
   * Waits for more than there was when this was asked for last, or when the watch began.
   * @returns `false` when nothing will follow
   * @throws the signal's reason, and what the kernel fails with
   */
  more(signal: AbortSignal | null): Promise<boolean>
  close(): void
}

/**
 * Begins to watch; to be done before the file is read, so that nothing is missed.
 * @param known - the log, where it is known who writes it; it may have ended
 */
export async function watchLog(path: string, file: FileHandle, known: LiveLog | null): Promise<LogWatch> {
  const live = known ?? findLiveLog(await file.stat({ bigint: true }))
  return live === undefined ? new KernelWatch(path, file) : new WriterWatch(live)
}

class WriterWatch implements LogWatch {
  readonly #log: LiveLog
  /** What can be read; less where somebody else has cut the file. */
  #toldBytes: number

  constructor(log: LiveLog) {
    this.#log = log
    this.#toldBytes = log.writtenBytes
  }

  async more(signal: AbortSignal | null): Promise<boolean> {
    while (!this.#log.isClosed && this.#log.writtenBytes === this.#toldBytes) await this.#log.notice.wait(signal)
    const isMore = this.#log.writtenBytes !== this.#toldBytes
    this.#toldBytes = this.#log.writtenBytes
    return isMore
  }

  close(): void {
    // The log drops whoever waits no longer.
  }
}

class KernelWatch implements LogWatch {
  readonly #file: FileHandle
  readonly #watcher: FSWatcher
  readonly #notice = new ChangeNotice()
  #changed = false
  #failure: Error | null = null

  constructor(path: string, file: FileHandle) {
    this.#file = file
    this.#watcher = watch(path, () => this.#onChange())
    this.#watcher.on('error', (error) => {
      this.#failure = error
      this.#onChange()
    })
  }

  async more(signal: AbortSignal | null): Promise<boolean> {
    if (!this.#changed) await this.#notice.wait(signal)
    this.#changed = false
    if (this.#failure !== null) throw this.#failure
    // A log that was removed gets no further lines that anybody could find.
    return (await this.#file.stat()).nlink > 0
  }

  close(): void {
    this.#watcher.close()
  }

  #onChange(): void {
    this.#changed = true
    this.#notice.notify()
  }
}
