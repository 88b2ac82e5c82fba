/** `sandbox.rpc`: calls to the program in the sandbox, and methods of the host that it may call. */
import { CallTimeoutError, InvalidOptionsError, RpcError, SandboxExitedError } from '../errors.js'
import { JsonRpcErrorCode, type MethodTable, type RpcMethod, type RpcPeer } from '../protocol/index.js'
import { parseCallOptions, type CallOptions } from '../options/index.js'
import { printable } from '../printable.js'

/** Functions by name, nested as deep as wanted; the names are joined with dots. */
export interface ExposedObject {
  readonly [name: string]: RpcMethod | ExposedObject
}

/** What a call without options has; made once, since most calls have none. */
const NO_OPTIONS = parseCallOptions({})

/**
 * Methods can be exposed before the sandbox is ready, and stay when the program is reloaded; calls made before the program is
 * loaded wait for it. Names that start with `$/` are the package's own.
 */
export class SandboxRpc {
  readonly #methods: MethodTable
  readonly #callTimeoutMs: () => number | null
  /** The program that can be called; `null` while it is loaded, and when there is none. */
  #peer: RpcPeer | null = null
  #gate = new Gate<RpcPeer>()
  #closed: Error | null = null

  /** @internal */
  constructor(methods: MethodTable, callTimeoutMs: () => number | null) {
    this.#methods = methods
    this.#callTimeoutMs = callTimeoutMs
  }

  /**
   * Lets the program call `method` by this name. Dots in a name make namespaces: `expose('files.count', …)`.
   * The method gets the call's parameters; what it returns or resolves to is the answer, what it throws the error.
   */
  expose(name: string, method: RpcMethod): this {
    assertFree(name)
    this.#methods.add(name, method)
    return this
  }

  /** Exposes every function that the object holds; objects in it become namespaces. */
  exposeObject(methods: ExposedObject): this {
    if (typeof methods === 'object' && (methods as unknown) !== null) Object.keys(methods).forEach(assertFree)
    this.#methods.addObject(methods)
    return this
  }

  /** Takes a method, or a whole namespace, back. */
  unexpose(name: string): this {
    assertFree(name)
    this.#methods.delete(name)
    return this
  }

  /**
   * Calls a method that the program exposes.
   * @param params - an array is spread, an object arrives as one argument.
   * @throws {RpcError} what the program answered. {@link CallTimeoutError} after `timeoutMs` (default `timeouts.callMs`).
   * {@link ProgramError} when the program is gone. {@link UnsendableError} {@link CapacityError} for what cannot be sent.
   * {@link SandboxExitedError} when the sandbox ends first. The signal's reason when it aborts.
   */
  async call<Result = unknown>(
    method: string,
    params: readonly unknown[] | object = [],
    options?: CallOptions,
  ): Promise<Result> {
    const { timeoutMs, signal } = options === undefined ? NO_OPTIONS : parseCallOptions(options)
    signal?.throwIfAborted()
    if (this.#closed !== null) throw this.#closed
    const deadlineMs = timeoutMs ?? this.#callTimeoutMs()
    let leftMs = deadlineMs
    let peer = this.#peer
    if (peer === null) {
      const started = performance.now()
      peer = await this.#opened(method, deadlineMs, signal)
      if (deadlineMs !== null) leftMs = Math.max(1, Math.ceil(deadlineMs - (performance.now() - started)))
    }
    const result = await peer.call(method, params, {
      ...(leftMs === null ? {} : { timeoutMs: leftMs }),
      ...(signal === null ? {} : { signal }),
    })
    return result as Result
  }

  /** The program is loaded; or the call's own deadline or signal came first. */
  #opened(method: string, deadlineMs: number | null, signal: AbortSignal | null): Promise<RpcPeer> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => reject(signal?.reason as Error)
      const onTimeout = (): void =>
        reject(
          new CallTimeoutError(`'${method}' was not called within ${deadlineMs} ms: the program is not loaded yet`),
        )
      const timer = deadlineMs === null ? undefined : setTimeout(onTimeout, deadlineMs)
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#gate.promise.then(resolve, reject).finally(() => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
      })
    })
  }

  /**
   * Sends a notification: no answer, and no error when the program does not know the method.
   * @throws {UnsendableError} {@link CapacityError} when it cannot be sent. {@link SandboxExitedError} after the end.
   */
  notify(method: string, params: readonly unknown[] | object = []): void {
    if (this.#closed !== null) throw this.#closed
    if (this.#peer !== null) this.#peer.notify(method, params)
    else this.#gate.promise.then((peer) => peer.notify(method, params)).catch(() => undefined)
  }

  /** @internal The program is loaded: calls may go. `null`: there is none. */
  opened(peer: RpcPeer | null): void {
    if (peer === null) return this.closed(noProgram())
    this.#peer = peer
    this.#gate.open(peer)
  }

  /** @internal Another program follows: calls wait for it. */
  waits(): void {
    if (this.#peer === null && this.#closed === null) return
    this.#peer = null
    this.#closed = null
    this.#gate = new Gate()
  }

  /** @internal Nothing can be called any more. The end of the sandbox says more than that of the program before it. */
  closed(error: Error): void {
    if (this.#closed === null || error instanceof SandboxExitedError) this.#closed = error
    this.#gate.fail(error)
  }
}

/** Waits are let through once, or turned away. */
class Gate<T> {
  readonly promise: Promise<T>
  open!: (value: T) => void
  fail!: (error: Error) => void

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.open = resolve
      this.fail = reject
    })
    this.promise.catch(() => undefined)
  }
}

function assertFree(name: string): void {
  if (typeof name === 'string' && name.startsWith('$/'))
    throw new InvalidOptionsError(
      `the method name '${printable(name, 64)}' is reserved: names that start with '$/' are the package's own`,
    )
}

function noProgram(): RpcError {
  const message = 'this sandbox has no program: give `program` to have something to call'
  return new RpcError(JsonRpcErrorCode.MethodNotFound, message)
}
