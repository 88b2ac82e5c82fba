/** `sandbox.rpc`: calls to the program in the sandbox, and methods of the host that it may call. */
import { CallTimeoutError, RpcError, SandboxExitedError } from '../errors.js'
import { JsonRpcErrorCode, type RpcMethod, type RpcPeer } from '../protocol/index.js'
import { parseCallOptions, type CallOptions } from '../options/index.js'

/** Functions by name, nested as deep as wanted; the names are joined with dots. */
export interface ExposedObject {
  readonly [name: string]: RpcMethod | ExposedObject
}

/** What a call without options has; made once, since most calls have none. */
const NO_OPTIONS = parseCallOptions({})

/** Methods can be exposed before the sandbox is ready; calls made before then wait until the program is loaded. */
export class SandboxRpc {
  readonly #peer: RpcPeer
  readonly #callTimeoutMs: number | null
  #gate: Promise<void>
  #state: 'waiting' | 'open' | 'none' = 'waiting'
  #closed: Error | null = null
  #open!: () => void
  #reject!: (error: Error) => void

  /** @internal */
  constructor(peer: RpcPeer, callTimeoutMs: number | null) {
    this.#peer = peer
    this.#callTimeoutMs = callTimeoutMs
    this.#gate = new Promise((resolve, reject) => {
      this.#open = resolve
      this.#reject = reject
    })
    this.#gate.catch(() => undefined)
  }

  /**
   * Lets the program call `method` by this name. Dots in a name make namespaces: `expose('files.count', …)`.
   * The method gets the call's parameters; what it returns or resolves to is the answer, what it throws the error.
   */
  expose(name: string, method: RpcMethod): this {
    this.#peer.expose(name, method)
    return this
  }

  /** Exposes every function that the object holds; objects in it become namespaces. */
  exposeObject(methods: ExposedObject): this {
    this.#peer.exposeObject(methods)
    return this
  }

  /** Takes a method, or a whole namespace, back. */
  unexpose(name: string): this {
    this.#peer.unexpose(name)
    return this
  }

  /**
   * Calls a method that the program exposes.
   * @param params - an array is spread, an object arrives as one argument.
   * @throws {RpcError} what the program answered. {@link CallTimeoutError} after `timeoutMs` (default `timeouts.callMs`).
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
    if (this.#state === 'none') throw noProgram()
    const deadlineMs = timeoutMs ?? this.#callTimeoutMs
    const started = performance.now()
    if (this.#state === 'waiting') await this.#opened(method, deadlineMs, signal)
    const result = await this.#peer.call(method, params, {
      ...(deadlineMs === null ? {} : { timeoutMs: Math.max(1, deadlineMs - (performance.now() - started)) }),
      ...(signal === null ? {} : { signal }),
    })
    return result as Result
  }

  /** The program is loaded; or the call's own deadline or signal came first. */
  #opened(method: string, deadlineMs: number | null, signal: AbortSignal | null): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => reject(signal?.reason as Error)
      const onTimeout = (): void =>
        reject(
          new CallTimeoutError(`'${method}' was not called within ${deadlineMs} ms: the program is not loaded yet`),
        )
      const timer = deadlineMs === null ? undefined : setTimeout(onTimeout, deadlineMs)
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#gate.then(resolve, reject).finally(() => {
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
    if (this.#state === 'none') throw noProgram()
    if (this.#state === 'open') this.#peer.notify(method, params)
    else this.#gate.then(() => this.#peer.notify(method, params)).catch(() => undefined)
  }

  /** @internal The program is loaded (or there is none): calls may go. */
  opened(hasProgram: boolean): void {
    this.#state = hasProgram ? 'open' : 'none'
    if (hasProgram) this.#open()
    else this.#reject(noProgram())
  }

  /** @internal Nothing can be called any more. The end of the sandbox says more than that of the program before it. */
  closed(error: Error): void {
    if (this.#closed === null || error instanceof SandboxExitedError) this.#closed = error
    this.#peer.close(error)
    this.#reject(error)
  }
}

function noProgram(): RpcError {
  const message = 'this sandbox has no program: give `program` to have something to call'
  return new RpcError(JsonRpcErrorCode.MethodNotFound, message)
}
