/** A stream to the host, written at the pace at which the host takes it. */
import type { Multiplexer } from '../protocol/multiplexer.js'
import type { StreamSender } from '../protocol/streams.js'
import { errnoError } from './control-error.js'
import { ResetCode } from '../protocol/reset-code.js'

/** One stream that the shovel sends. */
export class SentStream {
  readonly #sender: StreamSender
  #full = false
  #reset = false
  #wake: () => void = () => undefined

  constructor(multiplexer: Multiplexer, streamId: number) {
    this.#sender = multiplexer.openSender(streamId, {
      onWritable: () => {
        this.#full = false
        this.#wake()
      },
      onReset: () => {
        this.#reset = true
        this.#wake()
      },
    })
  }

  /** Queues a chunk without waiting; follow with {@link ready} before the next large one. */
  push(chunk: Buffer): void {
    if (!this.#reset && !this.#sender.write(chunk)) this.#full = true
  }

  /**
   * Resolves when there is room in the queue.
   * @throws an error with code `ECANCELED` when the host gave the stream up.
   */
  async ready(): Promise<void> {
    while (this.#full && !this.#reset) await new Promise<void>((resolve) => (this.#wake = resolve))
    if (this.#reset) throw errnoError('ECANCELED', 'write', 'the stream was reset')
  }

  /** All is sent. */
  end(): void {
    if (!this.#reset) this.#sender.end()
  }

  /** What was sent is not the whole. */
  fail(): void {
    if (!this.#reset) this.#sender.reset(ResetCode.Failed)
  }
}
