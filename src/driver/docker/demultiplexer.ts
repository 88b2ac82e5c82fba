/**
 * Splits an attached connection into the container's stdout and stderr.
 *
 * Theory of operation. The engine puts an 8-byte header before each piece of output (`stdcopy`: stream number, three
 * zero bytes, length as u32 big endian). Pieces of stdout are pushed into one `Readable` as slices of what was read;
 * when its consumer does not keep up, the connection is not read any more, so the engine and then the writer inside stop.
 * stderr must never cause that: only its newest bytes are kept. What an unread stream can pin is bounded by the bytes
 * that it holds and not by how small the pieces are: a small piece is copied out of the large buffer it came in.
 */
import { type Duplex, Readable } from 'node:stream'
import { EngineUnavailableError } from '../../errors.js'

const HEADER_BYTES = 8
const STDOUT = 1
const STDERR = 2

/** A piece smaller than this part of its buffer is copied. */
const COPY_BELOW_FRACTION = 4

/** Bytes of stdout that are read ahead of the consumer. */
const STDOUT_WINDOW_BYTES = 256 * 1024

/** Unread bytes of stderr that are kept by default: the newest ones. */
export const DEFAULT_STDERR_BYTES = 64 * 1024

/** stdout and stderr of an attached container. An error of the connection, or a header that is none, ends `stdout`. */
export class Demultiplexer {
  readonly stdout: Readable
  readonly stderr: Readable
  readonly #source: Duplex | Readable
  readonly #header = Buffer.alloc(HEADER_BYTES)
  readonly #tail: TailBuffer
  #isReleased = false
  #headerLength = 0
  #stream = 0
  #remaining = 0
  #ended = false

  /**
   * @param source the raw connection; the demultiplexer owns its readable side from now on
   * @param stderrBytes how much unread stderr is kept, default 64 KiB
   */
  constructor(source: Duplex | Readable, stderrBytes = DEFAULT_STDERR_BYTES) {
    this.#source = source
    this.#tail = new TailBuffer(stderrBytes)
    this.stdout = new Readable({ highWaterMark: STDOUT_WINDOW_BYTES, read: () => void source.resume() })
    this.stderr = new Readable({ highWaterMark: 0, read: () => this.#tail.wanted(this.stderr) })
    // Who does not listen must not be brought down by a lost engine; who does, hears it all the same.
    this.stdout.on('error', () => undefined)
    source.on('data', (chunk: Buffer) => this.#consume(chunk))
    source.on('end', () => this.#end(null))
    source.on('error', (error: Error) => this.#end(error))
    source.on('close', () => this.#end(null))
  }

  /**
   * From now on the connection is read to its end, whoever reads: what stdout has no room for is dropped. An engine does
   * not finish the removal of a container while its output waits for us (Engine 20.10: for minutes).
   */
  release(): void {
    this.#isReleased = true
    this.#source.resume()
  }

  #consume(chunk: Buffer): void {
    let offset = 0
    while (offset < chunk.length && !this.#ended) {
      if (this.#remaining === 0) offset = this.#readHeader(chunk, offset)
      else offset = this.#readPayload(chunk, offset)
    }
  }

  #readHeader(chunk: Buffer, offset: number): number {
    const end = Math.min(chunk.length, offset + HEADER_BYTES - this.#headerLength)
    chunk.copy(this.#header, this.#headerLength, offset, end)
    this.#headerLength += end - offset
    if (this.#headerLength < HEADER_BYTES) return end
    this.#headerLength = 0
    this.#stream = this.#header.readUInt8(0)
    const isHeader = (this.#stream === STDOUT || this.#stream === STDERR) && this.#header.readUIntBE(1, 3) === 0
    if (!isHeader) this.#fail(`the engine sent '${this.#header.toString('hex')}', which is no stream header`)
    this.#remaining = this.#header.readUInt32BE(4)
    return end
  }

  #readPayload(chunk: Buffer, offset: number): number {
    const end = Math.min(chunk.length, offset + this.#remaining)
    this.#remaining -= end - offset
    const slice = chunk.subarray(offset, end)
    if (this.#stream === STDERR) this.#tail.append(slice, this.stderr)
    else if (!this.stdout.destroyed) this.#pushStdout(slice, chunk.length)
    return end
  }

  #pushStdout(slice: Buffer, chunkLength: number): void {
    if (this.#isReleased && this.stdout.readableLength >= STDOUT_WINDOW_BYTES) return
    const piece = slice.length * COPY_BELOW_FRACTION < chunkLength ? Buffer.from(slice) : slice
    if (!this.stdout.push(piece) && !this.#isReleased) this.#source.pause()
  }

  #end(error: Error | null): void {
    if (this.#ended) return
    const isCut = this.#remaining > 0 || this.#headerLength > 0
    if (error !== null || isCut) return this.#fail(error?.message ?? 'it ended within a piece of output', error)
    this.#ended = true
    this.stdout.push(null)
    this.#tail.end(this.stderr)
  }

  #fail(reason: string, cause: Error | null = null): void {
    this.#ended = true
    const error = new EngineUnavailableError(
      `The attached connection to the container broke: ${reason}.`,
      cause === null ? {} : { cause },
    )
    this.stdout.destroy(error)
    this.#tail.end(this.stderr)
    this.#source.destroy()
  }
}

/** The newest bytes of a stream that nobody has read yet, in a ring: neither tiny pieces nor a flood make it grow. */
class TailBuffer {
  readonly #maxBytes: number
  #ring: Buffer | null = null
  #start = 0
  #length = 0
  #isWanted = false
  #hasEnded = false

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  append(piece: Buffer, target: Readable): void {
    if (target.destroyed) return
    this.#ring ??= Buffer.allocUnsafe(this.#maxBytes)
    const kept = piece.subarray(Math.max(0, piece.length - this.#maxBytes))
    const end = (this.#start + this.#length) % this.#maxBytes
    const untilWrap = kept.copy(this.#ring, end)
    kept.copy(this.#ring, 0, untilWrap)
    const excess = Math.max(0, this.#length + kept.length - this.#maxBytes)
    this.#start = (this.#start + excess) % this.#maxBytes
    this.#length += kept.length - excess
    if (this.#isWanted) this.wanted(target)
  }

  wanted(target: Readable): void {
    this.#isWanted = true
    if (this.#length > 0 && this.#ring !== null) {
      const end = this.#start + this.#length
      const wrapped = this.#ring.subarray(0, Math.max(0, end - this.#maxBytes))
      const all = Buffer.concat([this.#ring.subarray(this.#start, Math.min(end, this.#maxBytes)), wrapped])
      this.#start = 0
      this.#length = 0
      this.#isWanted = target.push(all)
    }
    if (this.#hasEnded && this.#length === 0) target.push(null)
  }

  end(target: Readable): void {
    this.#hasEnded = true
    if (this.#length === 0) target.push(null)
  }
}
