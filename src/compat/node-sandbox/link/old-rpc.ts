/** `rpc` as both sides of the old package had it, on a link. */
import {
  callMethod,
  findMethod,
  withExposed,
  withoutExposed,
  type Exposed,
  type ExposedObject,
} from '../method-tree.js'
import { CallPromise } from '../rpc/call-promise.js'
import { methodNotFound, RemoteError } from '../rpc/rpc-error.js'
import { LINK, type Link } from './link.js'

/** Where calls go. */
export interface LinkSource {
  /** The link, when there is one and what is called is there. */
  current(): Link | null
  /** Resolves with the link as soon as there is one; rejects when there will be none. */
  ready(signal: AbortSignal): Promise<Link>
}

/** Methods for the other side, and calls to it. */
export class OldRpc {
  readonly #links: LinkSource
  readonly #callTimeoutMs: number
  #exposed: object = {}

  /** @param callTimeoutMs 0 or less: no deadline. */
  constructor(links: LinkSource, callTimeoutMs: number) {
    this.#links = links
    this.#callTimeoutMs = callTimeoutMs
  }

  /** What the other side can call. */
  get _exposedObject(): object {
    return this.#exposed
  }

  /**
   * Lets the other side call a function, or the functions of an object, by this name. Dots in it make namespaces.
   * @throws {TypeError} when it is neither.
   */
  expose(name: string, value: Exposed): void {
    this.#exposed = withExposed(this.#exposed, name, value)
  }

  /** Replaces everything that is exposed. */
  exposeObject(object: ExposedObject): void {
    this.#exposed = object
  }

  /** Takes back a method or a namespace, or without a name everything. @throws {TypeError} for an unknown namespace. */
  unexpose(name?: string): void {
    this.#exposed = name === undefined ? {} : withoutExposed(this.#exposed, name)
  }

  /**
   * Calls what the other side exposes. Made before the other side is there, it waits.
   * @param params an array is spread, anything else is one argument.
   * @returns a promise that rejects with a {@link RemoteError}, or with `Error('timeout')` after `call_timeout`.
   */
  call(method: string, params?: unknown): CallPromise {
    const abort = new AbortController()
    const answer = this.#call(requestOf(method, params), abort.signal)
    return CallPromise.of(answer, () => abort.abort(new Error('timeout'))).timeout(this.#callTimeoutMs)
  }

  /** A call without an answer. */
  notify(method: string, params?: unknown): void {
    const request = requestOf(method, params)
    const current = this.#links.current()
    if (current !== null) current.notify(LINK.call, request)
    else
      void this.#links
        .ready(new AbortController().signal)
        .then((link) => link.notify(LINK.call, request))
        .catch(() => undefined)
  }

  /** Answers a call of the other side. @throws what the method throws, or an error with the code of an unknown method. */
  answer(name: unknown, params: unknown): unknown {
    const found = findMethod(this.#exposed, String(name))
    if (found !== null) return callMethod(found, params)
    const { code, message } = methodNotFound(String(name))
    throw Object.assign(new Error(message), { rpcCode: code })
  }

  async #call(request: readonly unknown[], signal: AbortSignal): Promise<unknown> {
    try {
      const link = this.#links.current() ?? (await this.#links.ready(signal))
      return await link.call(LINK.call, request, { signal })
    } catch (error) {
      throw oldError(error)
    }
  }
}

function requestOf(method: string, params: unknown): readonly unknown[] {
  return params === undefined ? [method] : [method, params]
}

/** In the sandbox the package's error classes are those of another bundle: they are told by their code. */
function oldError(error: unknown): unknown {
  const { code, rpcCode, message, data } = error as Record<string, unknown>
  if (code === 'ERR_RPC') return new RemoteError({ code: rpcCode as number, message: String(message), data })
  return error
}
