/** A byte stream beside the calls, for protocols of the user's own: `getStream()` on the host, `parentStream` in the program. */
import { Duplex } from 'node:stream'
import { LINK, type Link } from './link.js'

/** Bytes in one message. */
const PIECE_BYTES = 256 * 1024

type Done = (error?: Error | null) => void

/** Writing waits until the other side has taken what was written before. */
export class LinkStream extends Duplex {
  readonly #link: () => Promise<Link>
  #waiting: (() => void)[] = []

  constructor(link: () => Promise<Link>) {
    super({ decodeStrings: true })
    this.#link = link
    // It ends when the sandbox does, whether somebody listens or not.
    this.on('error', () => undefined)
  }

  /** Takes a piece of the other side. Resolves when there is room for the next one. */
  async receive(base64: unknown): Promise<void> {
    if (this.destroyed || this.readableEnded || typeof base64 !== 'string') return
    if (this.push(Buffer.from(base64, 'base64'))) return
    await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  /** The other side has ended its half. */
  receiveEnd(): void {
    if (!this.destroyed && !this.readableEnded) this.push(null)
  }

  override _read(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  override _write(chunk: Buffer, _encoding: string, done: Done): void {
    this.#send(chunk).then(() => done(), done)
  }

  override _final(done: Done): void {
    this.#link()
      .then((link) => link.call(LINK.end, []))
      .then(() => done(), done)
  }

  override _destroy(error: Error | null, done: Done): void {
    this._read()
    done(error)
  }

  async #send(chunk: Buffer): Promise<void> {
    const link = await this.#link()
    for (let start = 0; start < chunk.length; start += PIECE_BYTES) {
      await link.call(LINK.data, [chunk.subarray(start, start + PIECE_BYTES).toString('base64')])
    }
  }
}
