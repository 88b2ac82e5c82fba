import { Stream, type Readable } from 'node:stream'

/**
 * A stream as Node 0.8 had it: it lives as long as its jail, emits `data` (Buffers) and, for each command, `end`. What is
 * written while nobody listens is lost.
 */
export class OutputStream extends Stream {
  readonly readable = true
  #source: Readable | null = null

  /** @internal Tells what `source` gives, until its end. */
  follow(source: Readable): Promise<void> {
    this.#source = source
    source.on('data', (chunk: Buffer) => this.emit('data', chunk))
    return new Promise((resolve) => {
      // One that the end of its sandbox cut off fails; to an old stream that is an end.
      source.on('error', () => undefined)
      source.once('close', () => {
        this.#source = null
        resolve()
      })
    })
  }

  /** For `pipe`: a slow reader slows the command down. */
  pause(): this {
    this.#source?.pause()
    return this
  }

  resume(): this {
    this.#source?.resume()
    return this
  }
}
