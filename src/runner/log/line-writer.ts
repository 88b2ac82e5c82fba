/** Writes whole lines to a file that nobody else writes to. */
import type { FileHandle } from 'node:fs/promises'

/** So much may wait before the writer of lines is asked to wait. */
const FULL_BYTES = 1024 ** 2

const NEWLINE = 0x0a
const DONE = Promise.resolve()

/**
 * One write at a time, of all lines that came during the last one. After the first failure nothing is written any more, and the file
 * ends with a whole line where it can be cut.
 */
export class LineWriter {
  readonly #file: FileHandle
  readonly #onChange: (failure: unknown) => void
  #lines: Buffer[] = []
  #waitingBytes = 0
  #writtenBytes: number
  #writing: Promise<void> | null = null
  #waiters: (() => void)[] = []
  #failed = false

  /**
   * @param writtenBytes - where in the file to begin
   * @param onChange - is told of every write and of the failure, which is `null` otherwise
   */
  constructor(file: FileHandle, writtenBytes: number, onChange: (failure: unknown) => void) {
    this.#file = file
    this.#writtenBytes = writtenBytes
    this.#onChange = onChange
  }

  /** Bytes in the file, all of whole lines. */
  get writtenBytes(): number {
    return this.#writtenBytes
  }

  /** Takes a line with its end. @returns resolves when there is room for the next; never rejects */
  write(line: Buffer): Promise<void> {
    if (this.#failed) return DONE
    this.#lines.push(line)
    this.#waitingBytes += line.length
    this.#writing ??= this.#writeAll()
    if (this.#waitingBytes < FULL_BYTES) return DONE
    return new Promise((resolve) => this.#waiters.push(resolve))
  }

  /** Resolves when all that was taken is in the file, or the writer has failed. Never rejects. */
  async flush(): Promise<void> {
    await this.#writing
  }

  async #writeAll(): Promise<void> {
    // What is written in the same turn goes into one write.
    await DONE
    while (this.#lines.length > 0) {
      const batch = this.#lines.length === 1 ? (this.#lines[0] as Buffer) : Buffer.concat(this.#lines)
      this.#lines = []
      try {
        await this.#writeBatch(batch)
        this.#onChange(null)
      } catch (cause) {
        this.#failed = true
        this.#lines = []
        this.#waitingBytes = batch.length
        // Without this the file ends in a part of a line, which readers leave out.
        await this.#file.truncate(this.#writtenBytes).catch(() => undefined)
        this.#onChange(cause)
      }
      this.#waitingBytes -= batch.length
      if (this.#waitingBytes < FULL_BYTES) this.#wake()
    }
    this.#writing = null
  }

  #wake(): void {
    for (const resolve of this.#waiters.splice(0)) resolve()
  }

  async #writeBatch(batch: Buffer): Promise<void> {
    const begin = this.#writtenBytes
    for (let at = 0; at < batch.length;) {
      const { bytesWritten } = await this.#file.write(batch, at, batch.length - at, begin + at)
      at += bytesWritten
      this.#writtenBytes = begin + batch.lastIndexOf(NEWLINE, at - 1) + 1
    }
  }
}
