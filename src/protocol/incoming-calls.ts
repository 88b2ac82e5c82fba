import { CallContext, type RpcMethod } from './call-context.js'
import { MAX_PENDING_CALLS, MAX_POSITIONAL_PARAMS, MAX_RUNNING_BYTES, MAX_RUNNING_NOTIFICATIONS } from './limits.js'
import type { MethodTable } from './method-table.js'
import { printable } from '../printable.js'
import { JsonRpcErrorCode } from './rpc-codes.js'
import type { CallerId, RpcErrorObject, RpcParams } from './rpc-messages.js'
import { ProtocolViolation } from './violation.js'

/** Where answers go. */
export interface Answers {
  result(id: CallerId, result: unknown): void
  failure(id: CallerId, error: RpcErrorObject): void
  /** What a method threw, in the form in which the other side may see it. */
  describe(error: unknown): RpcErrorObject
}

const NO_PARAMS: readonly unknown[] = []

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}

/**
 * The calls of the other side that run here.
 *
 * A canceled call is answered at once, but its method keeps its place until it ends: otherwise call and cancel in turn
 * would start methods without limit.
 */
export class IncomingCalls {
  private readonly methods: MethodTable
  private readonly answers: Answers
  /** Calls without an answer. */
  private readonly unanswered = new Map<CallerId, CallContext>()
  /** Methods that run for calls, answered or not. */
  private running = 0
  private runningNotifications = 0
  /** The cost of what calls and notifications came with whose methods have not ended. */
  private runningBytes = 0
  /** Notifications that were dropped because too many were running. */
  droppedNotifications = 0

  constructor(methods: MethodTable, answers: Answers) {
    this.methods = methods
    this.answers = answers
  }

  /** @throws {ProtocolViolation} when a call with this id is not answered yet */
  call(id: CallerId, name: string, params: RpcParams | undefined, cost: number): void {
    if (this.unanswered.has(id)) throw new ProtocolViolation('a call with the id of one that is not answered')
    const refused = this.refusal(name, params, cost)
    if (refused !== undefined) return this.answers.failure(id, refused)
    const context = new CallContext(name)
    this.unanswered.set(id, context)
    this.running += 1
    this.runningBytes += cost
    const settle = (isError: boolean, value: unknown): void => {
      this.running -= 1
      this.runningBytes -= cost
      if (this.unanswered.get(id) !== context) return
      this.unanswered.delete(id)
      if (isError) this.answers.failure(id, this.answers.describe(value))
      else this.answers.result(id, value)
    }
    this.run(name, params, context, settle)
  }

  /** Unknown methods are ignored: there is nobody to tell. */
  notification(name: string, params: RpcParams | undefined, cost: number): void {
    if (this.methods.get(name) === undefined || isTooLong(params)) return
    if (this.runningNotifications >= MAX_RUNNING_NOTIFICATIONS || this.runningBytes + cost > MAX_RUNNING_BYTES) {
      this.droppedNotifications += 1
      return
    }
    this.runningNotifications += 1
    this.runningBytes += cost
    this.run(name, params, new CallContext(name), () => {
      this.runningNotifications -= 1
      this.runningBytes -= cost
    })
  }

  /** A call that is answered already is no error: the two messages crossed. */
  cancel(id: CallerId): void {
    const context = this.unanswered.get(id)
    if (context === undefined) return
    this.unanswered.delete(id)
    this.answers.failure(id, { code: JsonRpcErrorCode.Canceled, message: 'the call was canceled' })
    context.abort(Object.assign(new Error('the caller canceled the call'), { name: 'AbortError' }))
  }

  /** Aborts every running call; none of them is answered any more. */
  close(error: Error): void {
    const contexts = [...this.unanswered.values()]
    this.unanswered.clear()
    for (const context of contexts) context.abort(error)
  }

  private refusal(name: string, params: RpcParams | undefined, cost: number): RpcErrorObject | undefined {
    if (this.methods.get(name) === undefined) {
      return { code: JsonRpcErrorCode.MethodNotFound, message: `there is no method '${printable(name, 128)}'` }
    }
    if (this.running >= MAX_PENDING_CALLS) {
      return { code: JsonRpcErrorCode.Busy, message: `${MAX_PENDING_CALLS} calls are running, no more are allowed` }
    }
    if (this.runningBytes + cost > MAX_RUNNING_BYTES) {
      const message = `calls that are running came with too much: ${MAX_RUNNING_BYTES} bytes in all are allowed`
      return { code: JsonRpcErrorCode.Busy, message }
    }
    if (isTooLong(params)) {
      return {
        code: JsonRpcErrorCode.InvalidParams,
        message: `at most ${MAX_POSITIONAL_PARAMS} positional parameters are allowed`,
      }
    }
    return undefined
  }

  private run(
    name: string,
    params: RpcParams | undefined,
    context: CallContext,
    settle: (isError: boolean, value: unknown) => void,
  ): void {
    const method = this.methods.get(name) as RpcMethod
    const list = Array.isArray(params) ? params : params === undefined ? NO_PARAMS : [params]
    let result: unknown
    try {
      result = method.apply(context, list as never[])
      if (!isThenable(result)) return settle(false, result)
    } catch (error) {
      return settle(true, error)
    }
    Promise.resolve(result).then(
      (value) => settle(false, value),
      (error: unknown) => settle(true, error),
    )
  }
}

function isTooLong(params: RpcParams | undefined): boolean {
  return Array.isArray(params) && params.length > MAX_POSITIONAL_PARAMS
}
