/** `rpc` as both sides of the old package had it, on a link. */
import {
  callMethod,
  findMethod,
  withExposed,
  withoutExposed,
  type Exposed,
  type ExposedObject,
} from '../method-tree.js'
import { callPromise, type CallPromise } from '../rpc/call-promise.js'
import { methodNotFound, RemoteError } from '../rpc/rpc-error.js'
import { LINK, type Link } from './link.js'

/** Where calls go. */
export interface LinkSource {
  /** The link, when there is one and what is called is there. */
  current(): Link | null
  /** Resolves with the link as soon as there is one; rejects when there will be none. */
  ready(): Promise<Link>
}

/** Methods for the other side, and calls to it. */
export class OldRpc {
  readonly #links: LinkSource
  readonly #callTimeoutMs: number
  /** Options of every call; none, which costs least, when there is no deadline. */
  readonly #deadline: { readonly timeoutMs: number } | null
  #exposed: object = {}

  /** @param callTimeoutMs 0 or less: no deadline. */
  constructor(links: LinkSource, callTimeoutMs: number) {
    this.#links = links
    this.#callTimeoutMs = callTimeoutMs
    this.#deadline = callTimeoutMs > 0 ? { timeoutMs: callTimeoutMs } : null
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
    const request = requestOf(method, params)
    const current = this.#links.current()
    const answer = current === null ? this.#callLater(request) : this.#callBy(current, request)
    return callPromise(answer, OLD_ERRORS).timeout(this.#callTimeoutMs)
  }

  /** A call without an answer. */
  notify(method: string, params?: unknown): void {
    const request = requestOf(method, params)
    const current = this.#links.current()
    if (current !== null) current.notify(LINK.call, request)
    else void this.#send(request).catch(() => undefined)
  }

  /** Answers a call of the other side. @throws what the method throws, or an error with the code of an unknown method. */
  answer(name: unknown, params: unknown): unknown {
    const found = findMethod(this.#exposed, String(name))
    if (found !== null) return callMethod(found, params)
    const { code, message } = methodNotFound(String(name))
    throw Object.assign(new Error(message), { rpcCode: code })
  }

  #callBy(link: Link, request: readonly unknown[]): Promise<unknown> {
    return this.#deadline === null ? link.call(LINK.call, request) : link.call(LINK.call, request, this.#deadline)
  }

  async #callLater(request: readonly unknown[]): Promise<unknown> {
    return this.#callBy(await this.#links.ready(), request)
  }

  async #send(request: readonly unknown[]): Promise<void> {
    const link = await this.#links.ready()
    link.notify(LINK.call, request)
  }
}

function requestOf(method: string, params: unknown): readonly unknown[] {
  return params === undefined ? [method] : [method, params]
}

const OLD_ERRORS = { describe: oldError }

/** In the sandbox the package's error classes are those of another bundle: they are told by their code. */
function oldError(error: Error): Error {
  const { code, rpcCode, message, data } = error as Error & Record<string, unknown>
  if (code === 'ERR_RPC') return new RemoteError({ code: rpcCode as number, message, data })
  return code === 'ERR_CALL_TIMEOUT' ? new Error('timeout') : error
}
