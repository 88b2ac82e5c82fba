/**
 * The channel's two descriptors. Frames that are written in one turn of the event loop leave in one `writev(2)`; a
 * payload is never copied.
 */
import { Socket } from 'node:net'
import type { Transport } from '../protocol/multiplexer.js'

/** So much may wait in the process for the pipe before data is held back; control messages still go through. */
const HIGH_WATER_BYTES = 128 * 1024

/** Writes frames to a descriptor. */
export class FdTransport implements Transport {
  readonly #socket: Socket
  #corked = false

  /**
   * @param fd a pipe or a socket.
   * @param events `onDrain`: `write` may be called again after it returned `false`. `onClosed`: nobody reads any more.
   */
  constructor(fd: number, events: { readonly onDrain: () => void; readonly onClosed: () => void }) {
    const options = { fd, readable: false, writable: true, writableHighWaterMark: HIGH_WATER_BYTES }
    this.#socket = new Socket(options)
    this.#socket.on('drain', events.onDrain)
    this.#socket.on('error', events.onClosed)
    this.#socket.on('close', events.onClosed)
  }

  /** @returns `false` when the descriptor takes no more for now. */
  write(header: Buffer, payload?: Buffer): boolean {
    if (!this.#corked) {
      this.#corked = true
      this.#socket.cork()
      process.nextTick(this.#uncork)
    }
    const room = this.#socket.write(header)
    return payload === undefined ? room : this.#socket.write(payload)
  }

  readonly #uncork = (): void => {
    this.#corked = false
    this.#socket.uncork()
  }
}

/** Reads frames from a descriptor. `onEnd` is called once, at its end or on an error. */
export function readChannel(fd: number, onChunk: (chunk: Buffer) => void, onEnd: () => void): void {
  const socket = new Socket({ fd, readable: true, writable: false })
  socket.on('data', onChunk)
  socket.on('error', onEnd)
  socket.on('end', onEnd)
}
