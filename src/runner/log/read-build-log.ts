/** Reading a log, also while it is written. */
import { open, type FileHandle } from 'node:fs/promises'
import { HostFileError, SandboxError } from '../../errors.js'
import { printable } from '../../printable.js'
import type { BuildEvent } from '../build-events.js'
import { parseEventLine } from './event-schema.js'
import { LogLines } from './log-lines.js'
import type { LiveLog } from './live-logs.js'
import { parseReadLogOptions, type ParsedReadLogOptions, type ReadLogOptions } from './read-log-options.js'
import { watchLog, type LogWatch } from './file-watch.js'

/**
 * The events of a log in their order, validated. Ends after the event `finished`, else at the end of the file or, with `follow`, when
 * its writer in this process has closed it or the file is removed. A log of another process that dies without `finished` is
 * followed until `signal` fires.
 *
 * Memory is bounded however long the log is and however slow its reader. Each iteration opens the file anew, and closes it.
 *
 * @throws {InvalidOptionsError}; the iteration throws {@link HostFileError}, and the signal's reason
 */
export function readBuildLog(path: string, options?: ReadLogOptions): BuildLogReader {
  return new BuildLogReader(path, parseReadLogOptions(options))
}

/** What {@link readBuildLog} gives. */
export class BuildLogReader implements AsyncIterable<BuildEvent> {
  readonly #path: string
  readonly #options: ParsedReadLogOptions
  readonly #live: LiveLog | null
  #skippedLines = 0

  /** @internal */
  constructor(path: string, options: ParsedReadLogOptions, live: LiveLog | null = null) {
    this.#path = path
    this.#options = options
    this.#live = live
  }

  /** Whole lines that are no event: the file is damaged. They are left out. A last line without end does not count. */
  get skippedLines(): number {
    return this.#skippedLines
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<BuildEvent, void, undefined> {
    this.#skippedLines = 0
    this.#options.signal?.throwIfAborted()
    let file: FileHandle | null = null
    let watch: LogWatch | null = null
    try {
      file = await open(this.#path, 'r')
      watch = this.#options.follow ? await watchLog(this.#path, file, this.#live) : null
      yield* this.#read(new LogLines(file), watch)
    } catch (cause) {
      this.#options.signal?.throwIfAborted()
      throw cause instanceof SandboxError ? cause : readError(this.#path, cause)
    } finally {
      watch?.close()
      await file?.close()
    }
  }

  async *#read(lines: LogLines, watch: LogWatch | null): AsyncGenerator<BuildEvent, void, undefined> {
    const { from, signal } = this.#options
    let damaged = 0
    do {
      for await (const line of lines.read()) {
        signal?.throwIfAborted()
        const event = parseEventLine(line.toString())
        if (event === null) damaged += 1
        this.#skippedLines = damaged + lines.skipped
        if (event === null) continue
        if (event.seq >= from) yield event
        if (event.type === 'finished') return
      }
      this.#skippedLines = damaged + lines.skipped
    } while (watch !== null && (await watch.more(signal)))
  }
}

function readError(path: string, cause: unknown): HostFileError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'EIO'
  return new HostFileError(code, 'cannot read the log', printable(path, 200), { cause })
}
