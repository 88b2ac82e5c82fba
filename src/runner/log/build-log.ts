/**
 * The log of one build: every event as one line of JSON (NDJSON), readable while it is written, see `readBuildLog`.
 *
 * A build goes on without a log: one that cannot be written any more, for example on a full disk, ends with a whole line, takes
 * no further events, and tells why in {@link BuildLog.failed}. What the guest decides the size of, its output and its violations, has
 * a limit; what tells how the build fared is always logged.
 */
import { open, type FileHandle } from 'node:fs/promises'
import { HostFileError, InvalidStateError } from '../../errors.js'
import { printable } from '../../printable.js'
import type { BuildEventBody } from '../build-events.js'
import { formatEventLine } from './event-line.js'
import { LineWriter } from './line-writer.js'
import { addLiveLog, LiveLog } from './live-logs.js'
import { BuildLogReader } from './read-build-log.js'
import type { ParsedReadLogOptions } from './read-log-options.js'
import { scanLog } from './scan-log.js'

/** What is kept of `maxBytes` for all that is no output. */
const RESERVED_BYTES = 32 * 1024

const DONE = Promise.resolve()

/** What a log is made with. */
export interface BuildLogOptions {
  /**
   * The most bytes of output and violations, less 32 KiB (at most half) for all other events. These are logged in any case, each
   * with at most 256 KiB: in all they take more than that only for builds of hundreds of steps or thousands of artifacts.
   */
  readonly maxBytes: number
}

/** An open log. One writer per file. */
export class BuildLog implements AsyncDisposable {
  readonly path: string
  readonly #file: FileHandle
  readonly #writer: LineWriter
  readonly #live: LiveLog
  readonly #maxBytes: number
  /** Takes it out of the logs that are written. */
  readonly #retire: () => void
  #bytes: number
  #seq: number
  #truncated: boolean
  #finished: boolean
  #failed: HostFileError | null = null
  #closed: Promise<void> | null = null

  private constructor(path: string, file: FileHandle, options: BuildLogOptions, begin: LogBegin) {
    this.path = path
    this.#file = file
    this.#maxBytes = options.maxBytes
    this.#bytes = begin.bytes
    this.#seq = begin.nextSeq
    this.#truncated = begin.truncated
    this.#finished = begin.finished
    this.#live = new LiveLog(begin.bytes)
    this.#writer = new LineWriter(file, begin.bytes, (failure) => this.#onChange(failure))
    this.#retire = addLiveLog(begin.stats, this.#live)
  }

  /**
   * Makes the file, with mode 0600.
   * @throws {HostFileError} `EEXIST` when there is one: a log is never mixed with another, nor written through a link.
   */
  static async create(path: string, options: BuildLogOptions): Promise<BuildLog> {
    return BuildLog.#open(path, 'wx+', options)
  }

  /**
   * Goes on with the log of a runner that died: what the last line lacks an end of is cut off, and numbers go on. There may be no
   * living writer of it.
   * @throws {HostFileError} `ENOENT` when there is none.
   */
  static async resume(path: string, options: BuildLogOptions): Promise<BuildLog> {
    return BuildLog.#open(path, 'r+', options)
  }

  static async #open(path: string, flags: 'wx+' | 'r+', options: BuildLogOptions): Promise<BuildLog> {
    const file = await open(path, flags, 0o600).catch((cause: unknown) => {
      throw fileError(flags === 'wx+' ? 'cannot make the log' : 'cannot go on with the log', path, cause)
    })
    try {
      const found = await scanLog(file)
      await file.truncate(found.bytes)
      return new BuildLog(path, file, options, { ...found, stats: await file.stat({ bigint: true }) })
    } catch (cause) {
      await file.close()
      throw fileError('cannot go on with the log', path, cause)
    }
  }

  /** Whether output was left out. */
  get truncated(): boolean {
    return this.#truncated
  }

  /** Whether it has its last event, `finished`; also that of a runner that died before it told anybody. */
  get finished(): boolean {
    return this.#finished
  }

  /** Why nothing is logged any more; `null` while all is well. */
  get failed(): HostFileError | null {
    return this.#failed
  }

  /** Bytes of all that was taken. */
  get bytes(): number {
    return this.#bytes
  }

  /**
   * Takes one event. Texts are to be masked before, and the text of an output event has at most 32 Ki UTF-16 units.
   *
   * @param at - when it was, for what is logged later than it happened; default: now
   * @returns resolves when there is room for the next. It does not reject for a log that cannot be written, see {@link failed}
   * @throws {InvalidStateError} after {@link close} and after the event `finished`
   */
  append(body: BuildEventBody, at: Date = new Date()): Promise<void> {
    if (this.#closed !== null || this.#finished) {
      return Promise.reject(new InvalidStateError('the log of the build has its last event: nothing can be added'))
    }
    if (this.#failed !== null) return DONE
    if (body.type === 'finished') this.#finished = true
    if (body.type !== 'output' && body.type !== 'violation') return this.#write(this.#format(body, at))
    if (this.#truncated) return DONE
    const line = this.#format(body, at)
    const reserved = Math.min(RESERVED_BYTES, this.#maxBytes / 2)
    if (this.#bytes + line.length <= this.#maxBytes - reserved) return this.#write(line)
    this.#truncated = true
    return this.append({ type: 'truncated', limitBytes: this.#maxBytes })
  }

  /** Its events. Who follows comes to an end with the log, also one who begins when it has ended, with `finished` or without. */
  read(options: ParsedReadLogOptions): BuildLogReader {
    return new BuildLogReader(this.path, options, this.#live)
  }

  /** Resolves when all that was taken can be read, or the log has failed. Never rejects. */
  flush(): Promise<void> {
    return this.#writer.flush()
  }

  /**
   * Writes what waits, makes it durable (fsync(2)) and closes the file; whoever follows it here comes to an end. Does not reject, see
   * {@link failed}. Further calls give the same result.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    await this.#writer.flush()
    const fail = (cause: unknown): void => this.#fail(cause)
    if (this.#failed === null) await this.#file.sync().catch(fail)
    await this.#file.close().catch(fail)
    this.#end()
    this.#retire()
  }

  #format(body: BuildEventBody, at: Date): Buffer {
    return formatEventLine({ seq: this.#seq, time: at.toISOString(), ...body })
  }

  #write(line: Buffer): Promise<void> {
    this.#seq += 1
    this.#bytes += line.length
    return this.#writer.write(line)
  }

  #onChange(failure: unknown): void {
    this.#live.writtenBytes = this.#writer.writtenBytes
    if (failure !== null) this.#fail(failure)
    else this.#live.notice.notify()
  }

  #fail(cause: unknown): void {
    this.#failed ??= fileError('cannot write the log', this.path, cause)
    this.#end()
  }

  /** One that has failed is still known until it is closed: who begins to follow it must not wait for another writer. */
  #end(): void {
    this.#live.isClosed = true
    this.#live.notice.notify()
  }
}

interface LogBegin {
  readonly bytes: number
  readonly nextSeq: number
  readonly truncated: boolean
  readonly finished: boolean
  readonly stats: Parameters<typeof addLiveLog>[0]
}

function fileError(what: string, path: string, cause: unknown): HostFileError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'EIO'
  return new HostFileError(code, what, printable(path, 200), { cause })
}
