/** Two streams as one in the manner of Node 0.8: what comes in from the first, what is written goes to the second. */
import { Stream, type Readable, type Writable } from 'node:stream'

/** An error that nobody listens for is not thrown: a sandbox that ends must not end its host. */
export class DuplexStream extends Stream {
  readonly #in: Readable
  readonly #out: Writable
  #isFlowing = false

  constructor(input: Readable, output: Writable) {
    super()
    this.#in = input
    this.#out = output
    // Data that came before anybody listened would be lost.
    this.on('newListener', (event) => {
      if (event === 'data' || event === 'end') this.#flow()
    })
    for (const event of ['end', 'close']) input.on(event, () => this.emit(event))
    for (const event of ['drain', 'close']) output.on(event, () => this.emit(event))
    output.on('pipe', (source) => this.emit('pipe', source))
    for (const stream of [input, output]) {
      stream.on('error', (error) => this.listenerCount('error') > 0 && this.emit('error', error))
    }
  }

  get readable(): boolean {
    return this.#in.readable
  }

  get writable(): boolean {
    return this.#out.writable
  }

  setEncoding(encoding: BufferEncoding): this {
    this.#in.setEncoding(encoding)
    return this
  }

  pause(): this {
    this.#in.pause()
    return this
  }

  resume(): this {
    this.#in.resume()
    return this
  }

  override pipe<Target extends NodeJS.WritableStream>(target: Target, options?: { end?: boolean }): Target {
    return this.#in.pipe(target, options)
  }

  /** @returns `false` when the other side reads slower than that; `drain` follows. */
  write(chunk: Buffer | string, encoding?: BufferEncoding): boolean {
    return this.#out.write(chunk, encoding ?? 'utf8')
  }

  end(chunk?: Buffer | string, encoding?: BufferEncoding): this {
    if (chunk === undefined) this.#out.end()
    else this.#out.end(chunk, encoding ?? 'utf8')
    return this
  }

  destroy(): void {
    this.#in.destroy()
    this.#out.destroy()
  }

  /** As `destroy`, once what was written is out. */
  destroySoon(): void {
    this.#out.end(() => this.destroy())
  }

  #flow(): void {
    if (this.#isFlowing) return
    this.#isFlowing = true
    this.#in.on('data', (chunk) => this.emit('data', chunk))
  }
}
