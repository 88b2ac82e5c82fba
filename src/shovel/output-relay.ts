/**
 * Carries what a command writes into one of its pipes to a stream of the channel.
 *
 * The relay reads no faster than the host takes: when the sender's queue is full it stops reading, the pipe fills, and
 * the command waits in its own `write(2)`, as it would in a shell pipeline.
 */
import { Socket, type SocketConstructorOpts } from 'node:net'
import type { Multiplexer } from '../protocol/multiplexer.js'
import type { StreamSender } from '../protocol/streams.js'

/** The kernel's own capacity of a pipe (pipe(7)), and the largest payload of a frame. */
const READ_BYTES = 65_528

/** Shorter reads are copied, so that a few bytes in the queue do not hold a whole read buffer. */
const COPY_BELOW_BYTES = 16_384

/** What a dead command can have left in a pipe at most: the default of `/proc/sys/fs/pipe-max-size` (pipe(7)). */
const MAX_DRAIN_BYTES = 1024 * 1024

/** How long a pipe is read after its command's end when some other process of the sandbox holds it open. */
const DRAIN_GRACE_MS = 250

/** One pipe that the command writes and the shovel reads. */
export class OutputRelay {
  readonly #sender: StreamSender
  readonly #limitBytes: number | null
  #producedBytes = 0
  #buffer = Buffer.allocUnsafeSlow(READ_BYTES)
  #socket: Socket | null = null
  #drainedBytes = 0
  #draining = false
  #ended = false
  #onEnded: () => void = () => undefined

  /** @param limitBytes so many bytes are sent, what follows is read and thrown away; `null` sends all. */
  constructor(multiplexer: Multiplexer, streamId: number, limitBytes: number | null) {
    this.#limitBytes = limitBytes
    this.#sender = multiplexer.openSender(streamId, {
      onWritable: () => this.#socket?.resume(),
      onReset: () => this.#end(false),
    })
  }

  /** Bytes that the command wrote, those above the limit included. */
  get producedBytes(): number {
    return this.#producedBytes
  }

  /** Starts to read from the pipe; the relay closes it. */
  attach(fd: number): void {
    // With `onread` each read goes into a buffer of ours, and returning `false` stops reading at once.
    const onread = { buffer: () => this.#buffer, callback: (length: number) => this.#onRead(length) }
    const options: SocketConstructorOpts & { onread: typeof onread } = { fd, readable: true, writable: false, onread }
    const socket = new Socket(options)
    this.#socket = socket
    socket.on('error', () => undefined)
    socket.on('end', () => this.#end(true))
    socket.on('close', () => this.#end(true))
    if (this.#ended) socket.destroy()
  }

  /** Ends the stream without data: the command never started. */
  abandon(): void {
    this.#end(true)
  }

  /**
   * The command is gone. Takes what is left in the pipe into the queue, even beyond the queue's usual limit, so that
   * the byte count is final; a pipe holds a bounded amount.
   * @param onEnded called once, when nothing more can come.
   */
  drain(onEnded: () => void): void {
    if (this.#ended) return onEnded()
    const timer = setTimeout(() => this.#end(true), DRAIN_GRACE_MS)
    this.#onEnded = () => {
      clearTimeout(timer)
      onEnded()
    }
    this.#draining = true
    this.#socket?.resume()
  }

  /** @returns `false` to stop reading. */
  #onRead(length: number): boolean {
    this.#producedBytes += length
    const wanted = this.#wantedBytes(length)
    const room = wanted === 0 || this.#sender.write(this.#take(wanted))
    if (!this.#draining) return room
    this.#drainedBytes += length
    if (this.#drainedBytes > MAX_DRAIN_BYTES) this.#end(true)
    return true
  }

  #wantedBytes(length: number): number {
    if (this.#limitBytes === null) return length
    const sentBytes = Math.min(this.#producedBytes - length, this.#limitBytes)
    return Math.min(length, this.#limitBytes - sentBytes)
  }

  #take(length: number): Buffer {
    if (length < COPY_BELOW_BYTES) return Buffer.from(this.#buffer.subarray(0, length))
    const chunk = this.#buffer.subarray(0, length)
    this.#buffer = Buffer.allocUnsafeSlow(READ_BYTES)
    return chunk
  }

  #end(tellHost: boolean): void {
    if (this.#ended) return
    this.#ended = true
    this.#socket?.destroy()
    if (tellHost) this.#sender.end()
    this.#onEnded()
  }
}
