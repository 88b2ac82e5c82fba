/** Cuts a stream of bytes into lines. */

const newline = 10
const firstTailBytes = 64 * 1024

/**
 * The longest line of one call that starts a program: 512 arguments of 512 bytes, each byte printed as four characters, and two
 * paths. A smaller bound would let a guest hide an execve behind its arguments.
 */
export const defaultMaxLineBytes = 2 * 1024 * 1024

/** What {@link LineSplitter} needs. */
export interface LineSplitterOptions {
  /** Gets each line without its newline, one character for each byte, as a string of its own. */
  readonly onLine: (line: string) => void
  /** Gets the first 1,000 characters of a line that is longer than allowed, or that never ended. */
  readonly onBrokenLine: (start: string) => void
  readonly maxLineBytes?: number
}

/** Holds one unfinished line of at most `maxLineBytes`, however the bytes come. */
export class LineSplitter {
  readonly #onLine: (line: string) => void
  readonly #onBrokenLine: (start: string) => void
  readonly #maxLineBytes: number
  /** The line that has no end yet: a copy, so that no chunk is kept. */
  #tail = Buffer.allocUnsafeSlow(0)
  #tailLength = 0
  /** The rest of a line that was too long is passed over. */
  #skipping = false

  constructor({ onLine, onBrokenLine, maxLineBytes = defaultMaxLineBytes }: LineSplitterOptions) {
    this.#onLine = onLine
    this.#onBrokenLine = onBrokenLine
    this.#maxLineBytes = maxLineBytes
  }

  push(chunk: Buffer): void {
    let from = 0
    while (from < chunk.length) {
      const end = chunk.indexOf(newline, from)
      if (end < 0) {
        this.#keep(chunk, from, chunk.length)
        return
      }
      if (this.#tailLength > 0 || this.#skipping || end - from > this.#maxLineBytes) {
        this.#keep(chunk, from, end)
        this.#finishTail()
      } else {
        this.#onLine(chunk.toString('latin1', from, end))
      }
      from = end + 1
    }
  }

  /** The stream has ended: what has no newline is no line. */
  end(): void {
    if (this.#tailLength > 0) this.#onBrokenLine(this.#tail.toString('latin1', 0, Math.min(this.#tailLength, 1000)))
    this.#tail = Buffer.allocUnsafeSlow(0)
    this.#tailLength = 0
    this.#skipping = false
  }

  #keep(chunk: Buffer, from: number, to: number): void {
    if (this.#skipping) return
    const length = this.#tailLength + to - from
    if (length <= this.#maxLineBytes) {
      this.#grow(length)
      chunk.copy(this.#tail, this.#tailLength, from, to)
      this.#tailLength = length
      return
    }
    const start = Buffer.concat([this.#tail.subarray(0, Math.min(this.#tailLength, 1000)), chunk.subarray(from, to)])
    this.#tail = Buffer.allocUnsafeSlow(0)
    this.#tailLength = 0
    this.#skipping = true
    this.#onBrokenLine(start.toString('latin1', 0, Math.min(start.length, 1000)))
  }

  #grow(length: number): void {
    if (length <= this.#tail.length) return
    const size = Math.min(Math.max(length, this.#tail.length * 2, firstTailBytes), Math.max(this.#maxLineBytes, length))
    const grown = Buffer.allocUnsafeSlow(size)
    this.#tail.copy(grown, 0, 0, this.#tailLength)
    this.#tail = grown
  }

  #finishTail(): void {
    const line = this.#skipping ? null : this.#tail.toString('latin1', 0, this.#tailLength)
    this.#tailLength = 0
    this.#skipping = false
    if (line !== null) this.#onLine(line)
  }
}
