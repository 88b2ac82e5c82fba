/** A stream from the host as an async iterable; credit goes back when what was handed out is done with. */
import type { Multiplexer } from '../protocol/multiplexer.js'
import type { StreamReceiver } from '../protocol/streams.js'
import { errnoError } from './control-error.js'
import { ResetCode } from '../protocol/reset-code.js'

/** One stream that the shovel receives. It takes data from the moment it is made. */
export class ReceivedStream implements AsyncIterable<Buffer> {
  readonly #receiver: StreamReceiver
  readonly #chunks: Buffer[] = []
  #state: 'open' | 'ended' | 'reset' = 'open'
  #wake: () => void = () => undefined

  constructor(multiplexer: Multiplexer, streamId: number) {
    const settle = (state: 'ended' | 'reset') => {
      this.#state = state
      this.#wake()
    }
    this.#receiver = multiplexer.openReceiver(streamId, {
      onData: (chunk) => {
        this.#chunks.push(chunk)
        this.#wake()
      },
      onEnd: () => settle('ended'),
      onReset: () => settle('reset'),
    })
  }

  /** One chunk after the other. @throws as {@link batches}. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    for await (const batch of this.batches()) yield* batch
  }

  /**
   * All chunks that have come, at each turn.
   * @throws an error with code `ECANCELED` when the host gave the stream up.
   */
  async *batches(): AsyncGenerator<readonly Buffer[], void, undefined> {
    for (;;) {
      if (this.#state === 'reset') throw errnoError('ECANCELED', 'read', 'the stream was reset')
      if (this.#chunks.length > 0) {
        const batch = this.#chunks.splice(0)
        yield batch
        this.#receiver.consumed(batch.reduce((sum, chunk) => sum + chunk.length, 0))
      } else if (this.#state === 'ended') {
        return
      } else {
        await new Promise<void>((resolve) => (this.#wake = resolve))
      }
    }
  }

  /** Tells the host to stop sending, if it still does. */
  cancel(): void {
    if (this.#state !== 'open') return
    this.#state = 'reset'
    this.#chunks.length = 0
    this.#receiver.reset(ResetCode.Failed)
    this.#wake()
  }
}
