/**
 * One JSON text per line, in UTF-8, over any stream: the old package's wire.
 *
 * A message may come in any number of chunks, cut anywhere. What is no JSON object is dropped. An error of the stream ends
 * the conversation and nothing else.
 */
import { EventEmitter } from 'node:events'
import { StringDecoder } from 'node:string_decoder'

/** The largest message that is taken, in characters; a longer line is dropped. */
const MAX_LINE_CHARS = 16 * 1024 * 1024

/** A stream in both directions: a socket, a `stream.Duplex`, a `DuplexStream`. */
export interface WireStream {
  on(event: 'data', listener: (chunk: Buffer | string) => void): unknown
  on(event: 'end' | 'close', listener: () => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
  write(text: string): unknown
}

/** Options of the classes on the wire. */
export interface WireOptions {
  /** Milliseconds that a call may take; 0 or less: for ever. Default −1. */
  readonly call_timeout?: number
}

/** A message that was parsed: untrusted. */
export type WireMessage = Readonly<Record<string, unknown>>

/** Reads and writes messages; the classes below it give them a meaning. Emits `close` once, when the stream is at its end. */
export abstract class StreamParser extends EventEmitter<{ close: [] }> {
  protected readonly _stream: WireStream
  protected readonly _options: WireOptions
  readonly #decoder = new StringDecoder('utf8')
  #line = ''
  #isTooLong = false
  #isClosed = false

  constructor(stream: WireStream, options: WireOptions = {}) {
    super()
    this._stream = stream
    this._options = options
    stream.on('data', (chunk) => this.#take(typeof chunk === 'string' ? chunk : this.#decoder.write(chunk)))
    for (const event of ['end', 'close'] as const) stream.on(event, () => this.#close())
    stream.on('error', () => this.#close())
  }

  /** A message came. */
  protected abstract _onMessage(message: WireMessage): void

  /** A line that is no JSON object. */
  protected _onGarbage(): void {}

  /** `true` once nothing comes or goes any more. */
  protected get _isClosed(): boolean {
    return this.#isClosed
  }

  protected _send(message: object): void {
    if (!this.#isClosed) this._stream.write(`${JSON.stringify(message)}\n`)
  }

  #take(text: string): void {
    const [rest, ...lines] = text.split('\n').reverse()
    for (const part of lines.reverse()) {
      const line = this.#line + part
      const isTooLong = this.#isTooLong || line.length > MAX_LINE_CHARS
      this.#line = ''
      this.#isTooLong = false
      if (!isTooLong) this.#parse(line)
    }
    this.#line += rest ?? ''
    if (this.#line.length <= MAX_LINE_CHARS) return
    this.#line = ''
    this.#isTooLong = true
  }

  #parse(line: string): void {
    if (line.trim() === '') return
    let message: unknown
    try {
      message = JSON.parse(line)
    } catch {
      return this._onGarbage()
    }
    if (typeof message === 'object' && message !== null && !Array.isArray(message))
      this._onMessage(message as WireMessage)
    else this._onGarbage()
  }

  #close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.emit('close')
  }
}
