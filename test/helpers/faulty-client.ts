/** A decorator around the engine's client that makes chosen calls fail, wait or never answer. */
import type { Duplex, Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type { EngineClient, EngineConnection, EngineRequest } from '../../src/driver/docker/engine-client.js'
import { EngineUnavailableError } from '../../src/errors.js'

/**
 * What happens to one call. `before`/`after` say whether the engine gets the request: `lost-after` carries it out and then
 * loses the answer, as a connection that breaks does.
 */
export type Fault =
  | { readonly kind: 'fail-before' }
  | { readonly kind: 'lost-after' }
  | { readonly kind: 'delay'; readonly ms: number }
  | { readonly kind: 'hang' }
  | { readonly kind: 'call'; readonly effect: () => void }

export class FaultyClient implements EngineClient {
  /** The step of every call so far, in order. */
  readonly calls: string[] = []
  readonly #inner: EngineClient
  readonly #choose: (what: string, index: number) => Fault | null

  /** @param choose the fault for a call, by its step and its number from 0 */
  constructor(inner: EngineClient, choose: (what: string, index: number) => Fault | null) {
    this.#inner = inner
    this.#choose = choose
  }

  connect(signal?: AbortSignal): Promise<EngineConnection> {
    return this.#inner.connect(signal)
  }

  request(request: EngineRequest): Promise<unknown> {
    return this.#with(request, () => this.#inner.request(request))
  }

  stream(request: EngineRequest): Promise<Readable> {
    return this.#with(request, () => this.#inner.stream(request))
  }

  hijack(request: EngineRequest): Promise<Duplex> {
    return this.#with(request, () => this.#inner.hijack(request))
  }

  close(): void {
    this.#inner.close()
  }

  async #with<T>(request: EngineRequest, run: () => Promise<T>): Promise<T> {
    const fault = this.#choose(request.what, this.calls.length)
    this.calls.push(request.what)
    if (fault?.kind === 'fail-before') throw lost(request)
    if (fault?.kind === 'hang') return hang(request)
    if (fault?.kind === 'delay') await delay(fault.ms)
    if (fault?.kind === 'call') fault.effect()
    const result = await run()
    if (fault?.kind === 'lost-after') throw lost(request)
    return result
  }
}

function lost({ what }: EngineRequest): EngineUnavailableError {
  return new EngineUnavailableError(`Injected: the connection broke (${what}).`, { details: { code: 'ECONNRESET' } })
}

/** Like an engine that is stopped: only the request's own deadline or signal ends it. */
async function hang<T>({ what, timeoutMs = 2_000, signal }: EngineRequest): Promise<T> {
  await delay(timeoutMs ?? 2 ** 31 - 1, undefined, signal === undefined ? {} : { signal }).catch(() => undefined)
  signal?.throwIfAborted()
  throw new EngineUnavailableError(`Injected: no answer (${what}).`, { details: { code: 'ETIMEDOUT' } })
}
