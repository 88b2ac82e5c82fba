/** Carries a stream of the channel into a pipe that a command reads. Credit goes back as the command takes the bytes. */
import { Socket } from 'node:net'
import type { Multiplexer } from '../protocol/multiplexer.js'
import type { StreamReceiver } from '../protocol/streams.js'
import { ResetCode } from '../protocol/reset-code.js'

/** One pipe that the shovel writes and the command reads. */
export class InputRelay {
  readonly #receiver: StreamReceiver
  readonly #early: Buffer[] = []
  #socket: Socket | null = null
  #ended = false
  #closed = false

  readonly #resets: boolean

  /**
   * From now on the host may send; what comes before the pipe is there is kept (one window at most).
   * @param whenGone what happens when nobody reads the pipe any more: `reset` tells the host to stop; `discard` takes
   * and forgets, for a stream whose other direction still has something to say.
   */
  constructor(multiplexer: Multiplexer, streamId: number, whenGone: 'reset' | 'discard') {
    this.#resets = whenGone === 'reset'
    this.#receiver = multiplexer.openReceiver(streamId, {
      onData: (chunk) => this.#onData(chunk),
      onEnd: () => {
        this.#ended = true
        this.#socket?.end()
      },
      onReset: () => {
        this.#ended = true
        this.close()
      },
    })
  }

  /** Starts to write into the pipe; the relay closes it. */
  attach(fd: number): void {
    const socket = new Socket({ fd, readable: false, writable: true })
    this.#socket = socket
    // EPIPE: the command has closed its end.
    socket.on('error', () => undefined)
    socket.on('close', () => this.close())
    if (this.#closed) return void socket.destroy()
    for (const chunk of this.#early.splice(0)) this.#write(socket, chunk)
    if (this.#ended) socket.end()
  }

  /** Nobody reads any more. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#early.length = 0
    this.#socket?.destroy()
    if (!this.#ended && this.#resets) this.#receiver.reset(ResetCode.Canceled)
  }

  #onData(chunk: Buffer): void {
    if (this.#closed) this.#receiver.consumed(chunk.length)
    else if (this.#socket === null) this.#early.push(chunk)
    else this.#write(this.#socket, chunk)
  }

  #write(socket: Socket, chunk: Buffer): void {
    socket.write(chunk, (error) => {
      if (!error) this.#receiver.consumed(chunk.length)
    })
  }
}
