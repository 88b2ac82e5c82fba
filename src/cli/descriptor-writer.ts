import { write } from 'node:fs'
import { Writable } from 'node:stream'

/** Someone else may have made the descriptor non-blocking; this is how long a full one is left alone. */
const RETRY_DELAY_MS = 5

/**
 * Writes to a file descriptor off the event loop.
 *
 * `process.stdout` writes synchronously to pipes and terminals: a reader that stands still would stop our timers, our
 * signal handlers and the sandbox's heartbeat with it.
 */
export class DescriptorWriter extends Writable {
  readonly #descriptor: number

  constructor(descriptor: number) {
    super({ decodeStrings: true })
    this.#descriptor = descriptor
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#writeFrom(chunk, 0, callback)
  }

  #writeFrom(chunk: Buffer, offset: number, callback: (error?: Error | null) => void): void {
    write(this.#descriptor, chunk, offset, chunk.length - offset, null, (error, written) => {
      if (error?.code === 'EAGAIN') setTimeout(() => this.#writeFrom(chunk, offset, callback), RETRY_DELAY_MS)
      else if (error !== null) callback(error)
      else if (offset + written < chunk.length) this.#writeFrom(chunk, offset + written, callback)
      else callback()
    })
  }
}
