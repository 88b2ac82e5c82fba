/** Reading and writing descriptors without a needless copy, allocation or system call. */
import { writevSync } from 'node:fs'
import { Socket, type SocketConstructorOpts } from 'node:net'
import { GatheringTransport, type ByteSink } from '../protocol/gathering-transport.js'

/** The kernel's own capacity of a pipe (pipe(7)). */
const READ_BYTES = 65_536

/** Shorter reads are copied, so that a few bytes that are kept do not hold a whole read buffer. */
const COPY_BELOW_BYTES = 16_384

/** How long to wait before a descriptor that should block, and does not, is tried again. Milliseconds. */
const RETRY_MS = 1

/**
 * Writes a descriptor and returns when all is written.
 *
 * The event loop waits meanwhile. That is never long: the host reads whatever comes, and what it is sent is bounded by its
 * credit. In return a large frame goes in one system call, where a descriptor that does not block takes a page at a time
 * as the reader frees them; that halves the throughput of a command's output.
 */
class BlockingSink implements ByteSink {
  readonly #fd: number
  readonly #onClosed: () => void
  #corked: Buffer[] | null = null

  constructor(fd: number, onClosed: () => void) {
    this.#fd = fd
    this.#onClosed = onClosed
  }

  write(chunk: Buffer): boolean {
    if (this.#corked !== null) this.#corked.push(chunk)
    else this.#writeAll([chunk])
    return true
  }

  cork(): void {
    this.#corked ??= []
  }

  uncork(): void {
    const pieces = this.#corked ?? []
    this.#corked = null
    if (pieces.length > 0) this.#writeAll(pieces)
  }

  #writeAll(pieces: Buffer[]): void {
    let left = pieces
    while (left.length > 0) {
      try {
        left = skip(left, writevSync(this.#fd, left))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return this.#onClosed()
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS)
      }
    }
  }
}

/** What is left of the pieces after so many bytes. */
function skip(pieces: Buffer[], bytes: number): Buffer[] {
  let written = bytes
  const first = pieces.findIndex((piece) => {
    if (written < piece.length) return true
    written -= piece.length
    return false
  })
  if (first === -1) return []
  const [partly, ...rest] = pieces.slice(first)
  return partly === undefined ? [] : [partly.subarray(written), ...rest]
}

/**
 * Opens the transport of frames on a descriptor that blocks.
 * @param onClosed nobody reads any more.
 */
export function openTransport(fd: number, onClosed: () => void): GatheringTransport {
  return new GatheringTransport(new BlockingSink(fd, onClosed))
}

/** Reads a descriptor. `onEnd` is called at its end or on an error. */
export function readDescriptor(fd: number, onChunk: (chunk: Buffer) => void, onEnd: () => void): void {
  let buffer = Buffer.allocUnsafeSlow(READ_BYTES)
  const take = (length: number): Buffer => {
    const chunk = buffer.subarray(0, length)
    if (length < COPY_BELOW_BYTES) return Buffer.from(chunk)
    buffer = Buffer.allocUnsafeSlow(READ_BYTES)
    return chunk
  }
  const callback = (length: number): boolean => {
    onChunk(take(length))
    return true
  }
  // With `onread` each read goes into a buffer of ours; without, Node allocates one for every read.
  const onread = { buffer: () => buffer, callback }
  const options: SocketConstructorOpts & { onread: typeof onread } = { fd, readable: true, writable: false, onread }
  const socket = new Socket(options)
  socket.on('error', onEnd)
  socket.on('end', onEnd)
}
