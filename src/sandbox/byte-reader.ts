const EMPTY = Buffer.alloc(0)

/** Reads lines and counted bytes off a stream, and holds no more than what was asked for and what came with it. */
export class ByteReader {
  /** Bytes that were given so far, separators included. */
  given = 0
  readonly #chunks: AsyncIterator<Buffer, unknown>
  #rest: Buffer = EMPTY

  constructor(stream: AsyncIterable<Buffer>) {
    this.#chunks = stream[Symbol.asyncIterator]()
  }

  /**
   * The next text before a `separator` byte (default: newline), without it; `null` when the stream has ended.
   * @throws {RangeError} when it has more than `maxBytes`.
   */
  async record(maxBytes: number, separator = 0x0a): Promise<Buffer | null> {
    for (let searched = 0; ;) {
      const at = this.#rest.indexOf(separator, searched)
      if (at > maxBytes || (at === -1 && this.#rest.length > maxBytes)) throw new RangeError('a record is too long')
      if (at !== -1) {
        const record = this.#rest.subarray(0, at)
        this.#rest = this.#rest.subarray(at + 1)
        this.given += at + 1
        return record
      }
      searched = this.#rest.length
      const chunk = await this.#next()
      if (chunk === null) return null
      this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    }
  }

  /** What has come, at most `maxBytes` of it; `null` when the stream has ended. */
  async chunk(maxBytes = Infinity): Promise<Buffer | null> {
    const chunk = this.#rest.length > 0 ? this.#rest : await this.#next()
    if (chunk === null) return null
    const part = chunk.subarray(0, maxBytes)
    this.#rest = chunk.subarray(part.length)
    this.given += part.length
    return part
  }

  /** The next `count` bytes as they come. The stream may end before. */
  async *bytes(count: number): AsyncGenerator<Buffer, void> {
    for (let left = count; left > 0;) {
      const part = await this.chunk(left)
      if (part === null) return
      left -= part.length
      yield part
    }
  }

  /** The next `count` bytes, held together; `null` when the stream ends before. */
  async exactly(count: number): Promise<Buffer | null> {
    const parts: Buffer[] = []
    for (let left = count; left > 0;) {
      const part = await this.chunk(left)
      if (part === null) return null
      left -= part.length
      parts.push(part)
    }
    return parts.length === 1 ? (parts[0] ?? null) : Buffer.concat(parts)
  }

  async #next(): Promise<Buffer | null> {
    const { done, value } = await this.#chunks.next()
    return done === true ? null : value
  }
}
