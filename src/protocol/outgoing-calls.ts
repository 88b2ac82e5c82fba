import { CallTimeoutError, CapacityError, InvalidOptionsError } from '../errors.js'
import { MAX_METHOD_CHARS, MAX_PENDING_CALLS } from './limits.js'
import type { RpcParams } from './rpc-messages.js'
import { ProtocolViolation } from './violation.js'

/** The longest delay that a timer takes (`setTimeout` in the Node.js documentation); about 25 days. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** How long a call may take and who may cancel it. */
export interface CallOptions {
  /** Milliseconds until the call fails with `CallTimeoutError`; more than 0. Default: that of the peer. */
  readonly timeoutMs?: number | undefined
  /** Cancels the call on both sides; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

interface PendingCall {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
  readonly timer: ReturnType<typeof setTimeout> | undefined
  readonly signal: AbortSignal | undefined
  readonly onAbort: (() => void) | undefined
}

/**
 * The calls that wait for an answer of the other side.
 *
 * The answer to a call that timed out or was canceled may still come: its id is remembered, and the answer dropped.
 * Beyond {@link MAX_PENDING_CALLS} such ids the oldest is forgotten, and answers to it and every lower id are dropped
 * unchecked. Every other answer without a call is a violation.
 *
 * The timers do not keep the process alive: what a pending call waits for is the channel, and its socket does.
 */
export class OutgoingCalls {
  private readonly onAbandoned: (id: number) => void
  private readonly pending = new Map<number, PendingCall>()
  private readonly abandoned = new Set<number>()
  private forgottenId = 0
  private lastId = 0

  /** @param onAbandoned - tells the other side that nobody waits for the answer any more */
  constructor(onAbandoned: (id: number) => void) {
    this.onAbandoned = onAbandoned
  }

  get size(): number {
    return this.pending.size
  }

  /** @throws {CapacityError} when too many calls are pending */
  assertCapacity(method: string): void {
    if (this.pending.size < MAX_PENDING_CALLS) return
    throw new CapacityError(
      `cannot call '${method}': ${MAX_PENDING_CALLS} calls are pending, no more are allowed; await some first`,
      { details: { maxPendingCalls: MAX_PENDING_CALLS } },
    )
  }

  /** The id of the next call, an integer that was not used before. */
  nextId(): number {
    this.lastId += 1
    return this.lastId
  }

  /** @returns a promise for the answer to a call whose request was sent. */
  add(id: number, method: string, { timeoutMs, signal }: CallOptions): Promise<unknown> {
    return new Promise((resolve, reject) => {
      let timer: ReturnType<typeof setTimeout> | undefined
      if (timeoutMs !== undefined) {
        const expire = () =>
          this.abandon(
            id,
            new CallTimeoutError(`'${method}' did not answer within ${timeoutMs} ms`, {
              details: { method, timeoutMs },
            }),
          )
        timer = setTimeout(expire, Math.min(timeoutMs, MAX_TIMER_MS))
        timer.unref()
      }
      const onAbort = signal === undefined ? undefined : () => this.abandon(id, signal.reason)
      if (onAbort !== undefined) signal?.addEventListener('abort', onAbort, { once: true })
      this.pending.set(id, { resolve, reject, timer, signal, onAbort })
    })
  }

  /** @throws {ProtocolViolation} when no call waits for it and none did */
  settle(id: number, isError: boolean, value: unknown): void {
    const call = this.take(id)
    if (call !== undefined) {
      if (isError) call.reject(value)
      else call.resolve(value)
    } else if (!this.abandoned.delete(id) && !(id >= 1 && id <= this.forgottenId)) {
      throw new ProtocolViolation('a response to a call that is not pending')
    }
  }

  /** Rejects every pending call. */
  rejectAll(error: Error): void {
    for (const id of [...this.pending.keys()]) this.take(id)?.reject(error)
  }

  private take(id: number): PendingCall | undefined {
    const call = this.pending.get(id)
    if (call === undefined) return undefined
    this.pending.delete(id)
    clearTimeout(call.timer)
    if (call.onAbort !== undefined) call.signal?.removeEventListener('abort', call.onAbort)
    return call
  }

  private abandon(id: number, reason: unknown): void {
    const call = this.take(id)
    if (call === undefined) return
    this.abandoned.add(id)
    if (this.abandoned.size > MAX_PENDING_CALLS) this.forgetOldest()
    call.reject(reason)
    this.onAbandoned(id)
  }

  private forgetOldest(): void {
    for (const id of this.abandoned) {
      this.abandoned.delete(id)
      this.forgottenId = Math.max(this.forgottenId, id)
      return
    }
  }
}

/**
 * @returns the deadline to use; `undefined` for none
 * @throws {InvalidOptionsError} when it is not a positive number
 */
export function parseTimeout(timeoutMs: number | undefined): number | undefined {
  if (timeoutMs === undefined || timeoutMs === Infinity) return undefined
  if (typeof timeoutMs === 'number' && timeoutMs > 0) return timeoutMs
  throw new InvalidOptionsError(`timeoutMs must be a number above 0, got ${String(timeoutMs)}`)
}

/** @throws {InvalidOptionsError} when the name is too long, or the parameters are no object */
export function assertCall(method: string, params: RpcParams): void {
  if (typeof method !== 'string' || method.length > MAX_METHOD_CHARS) {
    throw new InvalidOptionsError(`a method name is a string of at most ${MAX_METHOD_CHARS} characters`)
  }
  if (typeof params !== 'object' || (params as unknown) === null) {
    throw new InvalidOptionsError(`the parameters of '${method}' must be an array or an object, got ${typeof params}`)
  }
}

/** Positional parameters without those that are `undefined` at the end: JSON would make them `null`. */
export function trimParams(params: RpcParams): RpcParams {
  if (!Array.isArray(params) || params.at(-1) !== undefined) return params
  const list = params as readonly unknown[]
  return list.slice(0, list.findLastIndex((param) => param !== undefined) + 1)
}
