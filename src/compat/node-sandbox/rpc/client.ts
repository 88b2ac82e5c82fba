import type { CallPromise } from './call-promise.js'
import { PendingCalls } from './pending-calls.js'
import { StreamParser, type WireMessage, type WireOptions, type WireStream } from './stream-parser.js'

/** The side of the wire that asks. */
export class Client extends StreamParser {
  readonly #pending = new PendingCalls()

  constructor(stream: WireStream, options: WireOptions = {}) {
    super(stream, options)
    this.on('close', () => this.#pending.rejectAll(closed()))
  }

  /**
   * @param params an array is spread, anything else is one argument.
   * @returns a promise that rejects with a {@link RemoteError}, or with `Error('timeout')` after `call_timeout`.
   */
  call(method: string, params?: unknown): CallPromise {
    return this.#pending.add(this._options.call_timeout ?? -1, (id) => {
      if (this._isClosed) throw closed()
      this._send({ id, method, params })
    })
  }

  /** A call without an answer. */
  notify(method: string, params?: unknown): void {
    this._send({ id: null, method, params })
  }

  protected override _onMessage({ id, error, result, method }: WireMessage): void {
    if (method === undefined) this.#pending.settle(id, error, result)
  }
}

function closed(): Error {
  return new Error('The stream is closed')
}
