/** The lines of a file that grows. */
import type { FileHandle } from 'node:fs/promises'

const READ_BYTES = 64 * 1024
const NEWLINE = 0x0a
const NOTHING = Buffer.alloc(0)

/** No line of ours is longer, see `MAX_LINE_BYTES`; one that is belongs to a damaged file and is not kept in memory. */
const LONGEST_BYTES = 1024 ** 2

/** Reads a file line by line, from where the last reading ended. */
export class LogLines {
  /** Lines that were left out because they are longer than 1 MiB. */
  skipped = 0

  readonly #file: FileHandle
  /** Where the first line begins that was not given out, or what is left of one that is too long. */
  #place = 0
  #tooLong = false

  constructor(file: FileHandle) {
    this.#file = file
  }

  /** Bytes of all lines that were given out or skipped. */
  get place(): number {
    return this.#place
  }

  /**
   * Every line up to the present end of the file, without its own end. A line without one is not given out: its writer is still at it,
   * or died. The next call reads it again, because it can have been cut off since.
   */
  async *read(): AsyncGenerator<Buffer, void, undefined> {
    let rest = NOTHING
    for (;;) {
      const place = this.#place + rest.length
      const { bytesRead, buffer } = await this.#file.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES, place)
      if (bytesRead === 0) return
      const bytes = Buffer.concat([rest, buffer.subarray(0, bytesRead)])
      let begin = 0
      for (let end = bytes.indexOf(NEWLINE, rest.length); end !== -1; end = bytes.indexOf(NEWLINE, begin)) {
        const line = bytes.subarray(begin, end)
        begin = end + 1
        this.#place += line.length + 1
        if (!this.#tooLong) yield line
        else this.skipped += 1
        this.#tooLong = false
      }
      rest = bytes.subarray(begin)
      if (!this.#tooLong && rest.length <= LONGEST_BYTES) continue
      this.#tooLong = true
      this.#place += rest.length
      rest = NOTHING
    }
  }
}
