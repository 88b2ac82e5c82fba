/**
 * Every event of a trace in a file of this host: one JSON text per line (NDJSON), the first one about the trace itself.
 *
 * Names are the guest's, so a line holds nothing that could move a terminal or forge another line: what is not printable is
 * escaped as `\uXXXX`, lone surrogates included, and reads back as it was. The file is new, and its owner's alone.
 */
import { open, type FileHandle } from 'node:fs/promises'
import { CapacityError, HostFileError, type SandboxError } from '../errors.js'
import { escapeUnprintable, printable } from '../printable.js'
import type { TraceEvent } from './event.js'

/** The first line of a log. */
export interface LogHeader {
  readonly kind: 'trace'
  readonly version: 1
  readonly sandboxId: string
  /** ISO 8601. */
  readonly startedAt: string
}

/** What a log is made from. */
export interface EventLogOptions {
  readonly sandboxId: string
  /** Default now. */
  readonly startedAt?: Date
  /** The most that the file may have, since a guest decides how fast it grows. Default 8 GiB. */
  readonly maxBytes?: number
}

/** Written at once when so much waits, in UTF-16 units. */
const BATCH_UNITS = 256 * 1024
/** Written at the latest after this, in milliseconds. */
const FLUSH_MS = 100
/** So much may wait before the writer is asked to stop, in UTF-16 units. */
const FULL_UNITS = 4 * BATCH_UNITS
const DEFAULT_MAX_BYTES = 8 * 1024 ** 3

/**
 * Makes the file, with mode 0600, and writes its header.
 * @throws {HostFileError} `EEXIST` when there is one: a log is never mixed with another, nor written through a link.
 */
export async function openEventLog(path: string, options: EventLogOptions): Promise<EventLog> {
  const file = await open(path, 'wx', 0o600).catch((cause: unknown) => {
    throw fileError('cannot make the trace log', path, cause)
  })
  const log = new EventLog(file, path, options.maxBytes ?? DEFAULT_MAX_BYTES)
  const startedAt = (options.startedAt ?? new Date()).toISOString()
  await log.begin({ kind: 'trace', version: 1, sandboxId: options.sandboxId, startedAt })
  return log
}

/** A log that is open, see {@link openEventLog}. */
export class EventLog {
  /**
   * Resolves with the first failure, a full disk for example. Later events are not written, and {@link EventLog.close}
   * rejects. Never rejects, and stays pending while all is well.
   */
  readonly failed: Promise<SandboxError>

  readonly #file: FileHandle
  readonly #path: string
  readonly #maxBytes: number
  #onFailure!: (error: SandboxError) => void
  #lines: string[] = []
  /** Of what waits and of what is being written. */
  #units = 0
  #bytes = 0
  #timer: NodeJS.Timeout | null = null
  #writing: Promise<void> | null = null
  #failure: SandboxError | null = null
  #closed: Promise<void> | null = null
  #wake: (() => void)[] = []

  /** @internal */
  constructor(file: FileHandle, path: string, maxBytes: number) {
    this.#file = file
    this.#path = path
    this.#maxBytes = maxBytes
    this.failed = new Promise((resolve) => {
      this.#onFailure = resolve
    })
  }

  /** Writes the first line. @internal */
  async begin(header: LogHeader): Promise<void> {
    this.#append(JSON.stringify(header))
    await this.flush()
    if (this.#failure !== null) await this.close()
  }

  /** Whether more waits to be written than should: stop until {@link drained}. Never after a failure. */
  get isFull(): boolean {
    return this.#units >= FULL_UNITS && this.#failure === null
  }

  /** Takes one event. After a failure and after {@link close} it is thrown away. @returns `false` when {@link isFull} */
  write(event: TraceEvent): boolean {
    if (this.#failure !== null || this.#closed !== null) return true
    this.#append(formatLine(event))
    if (this.#units >= BATCH_UNITS) this.#start()
    else this.#timer ??= setTimeout(() => this.#start(), FLUSH_MS)
    return !this.isFull
  }

  /** Resolves when the log can take more, also because it has failed. Never rejects. */
  drained(): Promise<void> {
    if (!this.isFull) return Promise.resolve()
    return new Promise((resolve) => this.#wake.push(resolve))
  }

  /** Resolves when all that was taken has been given to the kernel, or the log has failed. Never rejects. */
  async flush(): Promise<void> {
    this.#start()
    while (this.#writing !== null) await this.#writing
  }

  /**
   * Writes what waits, makes it durable (fsync(2)) and closes the file. Further calls give the same result.
   * @throws {HostFileError} {@link CapacityError} when anything that was taken is not in the file.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    await this.flush()
    try {
      if (this.#failure === null) await this.#file.sync().catch((cause: unknown) => this.#fail(cause))
    } finally {
      await this.#file.close().catch((cause: unknown) => this.#fail(cause))
    }
    if (this.#failure !== null) throw this.#failure
  }

  #append(line: string): void {
    this.#lines.push(line)
    this.#units += line.length + 1
  }

  /** Writes batch after batch until nothing waits. One at a time: the order of lines is that of events. */
  #start(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    if (this.#writing !== null || this.#lines.length === 0) return
    this.#writing = this.#writeAll().finally(() => {
      this.#writing = null
    })
  }

  async #writeAll(): Promise<void> {
    while (this.#lines.length > 0 && this.#failure === null) {
      const text = `${this.#lines.join('\n')}\n`
      this.#lines = []
      const batch = Buffer.from(text)
      this.#bytes += batch.length
      if (this.#bytes > this.#maxBytes) this.#fail(tooLarge(this.#path, this.#maxBytes))
      else await this.#file.writeFile(batch).catch((cause: unknown) => this.#fail(cause))
      this.#units -= text.length
      this.#wakeAll()
    }
  }

  #fail(cause: unknown): void {
    if (this.#failure !== null) return
    this.#failure = cause instanceof CapacityError ? cause : fileError('cannot write the trace log', this.#path, cause)
    this.#lines = []
    this.#units = 0
    this.#wakeAll()
    this.#onFailure(this.#failure)
  }

  #wakeAll(): void {
    if (this.isFull) return
    for (const wake of this.#wake.splice(0)) wake()
  }
}

/** One line of a log, without its newline. */
export function formatLine(event: TraceEvent): string {
  return escapeUnprintable(JSON.stringify(event))
}

function fileError(what: string, path: string, cause: unknown): HostFileError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'EIO'
  return new HostFileError(code, what, printable(path, 200), { cause })
}

function tooLarge(path: string, maxBytes: number): CapacityError {
  return new CapacityError(`the trace log ${printable(path, 200)} would have more than ${maxBytes} bytes`, {
    retryable: false,
    details: { maxBytes },
  })
}
