/** Carries a stream of the channel into a pipe that a command reads. Credit goes back as the command takes the bytes. */
import { Socket } from 'node:net'
import type { Multiplexer } from '../protocol/multiplexer.js'
import { ResetCode } from '../protocol/reset-code.js'
import type { StreamReceiver } from '../protocol/streams.js'

/** One pipe that the shovel writes and the command reads. */
export class InputRelay {
  readonly #receiver: StreamReceiver
  readonly #resets: boolean
  readonly #early: Buffer[] = []
  #socket: Socket | null = null
  /** The host sends no more. */
  #ended = false
  /** The pipe takes no more. */
  #broken = false

  /**
   * From now on the host may send; what comes before the pipe is there is kept (one window at most).
   * @param whenBroken what happens when nobody reads the pipe any more: `reset` tells the host to stop; `discard` takes
   * and forgets, for a stream whose other direction still has something to say.
   */
  constructor(multiplexer: Multiplexer, streamId: number, whenBroken: 'reset' | 'discard') {
    this.#resets = whenBroken === 'reset'
    this.#receiver = multiplexer.openReceiver(streamId, {
      onData: (chunk) => this.#onData(chunk),
      onEnd: () => this.#end(),
      onReset: () => this.#end(),
    })
  }

  /** Starts to write into the pipe; the relay closes it. */
  attach(fd: number): void {
    const socket = new Socket({ fd, readable: false, writable: true })
    this.#socket = socket
    // EPIPE: the command has closed its end.
    socket.on('error', () => undefined)
    socket.on('close', () => this.#break())
    for (const chunk of this.#early.splice(0)) this.#write(socket, chunk)
    if (this.#ended) socket.end()
  }

  /** The command is gone. */
  close(): void {
    this.#break()
  }

  #onData(chunk: Buffer): void {
    if (this.#broken) this.#receiver.consumed(chunk.length)
    else if (this.#socket === null) this.#early.push(chunk)
    else this.#write(this.#socket, chunk)
  }

  #write(socket: Socket, chunk: Buffer): void {
    socket.write(chunk, (error) => {
      if (!error) this.#receiver.consumed(chunk.length)
    })
  }

  /** An input that the host gave up ends like one that it finished: the command reads what came, and then the end. */
  #end(): void {
    this.#ended = true
    this.#socket?.end()
  }

  #break(): void {
    if (this.#broken) return
    this.#broken = true
    this.#early.length = 0
    this.#socket?.destroy()
    if (!this.#ended && this.#resets) this.#receiver.reset(ResetCode.Canceled)
  }
}
