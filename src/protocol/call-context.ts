/** What a method finds as `this`: which call it answers, and whether the caller still wants the answer. */
export interface RpcCallContext {
  readonly method: string
  /** Aborts when the caller cancels or the connection closes. */
  readonly signal: AbortSignal
}

/**
 * A method that the other side may call. Positional parameters are spread; parameters by name come as one object. What
 * it returns or resolves to is the result, what it throws the error.
 */
export type RpcMethod = (this: RpcCallContext, ...params: never[]) => unknown

/** Makes its `AbortController` only when somebody asks for the signal: most methods never do. */
export class CallContext implements RpcCallContext {
  readonly method: string
  private controller: AbortController | undefined
  private abortReason: Error | undefined

  constructor(method: string) {
    this.method = method
  }

  get signal(): AbortSignal {
    this.controller ??= new AbortController()
    if (this.abortReason !== undefined) this.controller.abort(this.abortReason)
    return this.controller.signal
  }

  abort(reason: Error): void {
    this.abortReason ??= reason
    this.controller?.abort(this.abortReason)
  }
}
