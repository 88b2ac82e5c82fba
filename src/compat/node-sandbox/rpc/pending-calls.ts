/** Calls that wait for an answer on the wire. */
import { randomUUID } from 'node:crypto'
import { callPromise, type CallPromise } from './call-promise.js'
import { RemoteError, type WireError } from './rpc-error.js'

interface Waiting {
  resolve(result: unknown): void
  reject(error: Error): void
}

/**
 * The ids are random, so that the other side cannot answer a call that it did not see. An answer to no call, or to one that
 * was given up, is dropped.
 */
export class PendingCalls {
  readonly #waiting = new Map<string, Waiting>()

  get size(): number {
    return this.#waiting.size
  }

  /**
   * @param send gets the id of the call.
   * @param timeoutMs 0 or less: no deadline.
   */
  add(timeoutMs: number, send: (id: string) => void): CallPromise {
    const id = randomUUID()
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      send(id)
    })
    return callPromise(answer, { cancel: () => this.#take(id) }).timeout(timeoutMs)
  }

  /** @param error `null` for success; then `result` counts, whatever it is. */
  settle(id: unknown, error: unknown, result: unknown): void {
    const call = typeof id === 'string' ? this.#take(id) : undefined
    if (error === null || error === undefined) call?.resolve(result)
    else call?.reject(new RemoteError(wireError(error)))
  }

  rejectAll(error: Error): void {
    for (const id of [...this.#waiting.keys()]) this.#take(id)?.reject(error)
  }

  #take(id: string): Waiting | undefined {
    const call = this.#waiting.get(id)
    this.#waiting.delete(id)
    return call
  }
}

function wireError(error: unknown): WireError {
  if (typeof error !== 'object' || error === null) return { code: 0, message: String(error) }
  const { code, message, data } = error as Record<string, unknown>
  return { code: typeof code === 'number' ? code : 0, message: typeof message === 'string' ? message : '', data }
}
