/**
 * JSON-RPC 2.0 in both directions over anything that carries messages.
 *
 * Both sides call and answer. Everything that comes in is hostile: it is checked by a schema, methods are looked up in
 * a `Map`, nothing of it is shown unescaped, and the first message that no honest peer sends closes the conversation
 * with a violation.
 */
import type { Buffer } from 'node:buffer'
import { CapacityError, InvalidStateError, RpcError } from '../errors.js'
import type { RpcMethod } from './call-context.js'
import { describeThrown } from './describe-thrown.js'
import { IncomingCalls } from './incoming-calls.js'
import { MAX_ERROR_MESSAGE_CHARS, MAX_QUEUED_MESSAGE_BYTES } from './limits.js'
import { encodeMessage } from './message.js'
import { MethodTable } from './method-table.js'
import { assertCall, OutgoingCalls, parseTimeout, trimParams, type CallOptions } from './outgoing-calls.js'
import { printable } from '../printable.js'
import { JsonRpcErrorCode } from './rpc-codes.js'
import { CANCEL_METHOD, parseIncoming, type CallerId, type RpcErrorObject, type RpcParams } from './rpc-messages.js'
import { ProtocolViolation } from './violation.js'

/** What an {@link RpcPeer} calls and how long it waits. */
export interface RpcPeerOptions {
  /** Takes one message of `encodeMessage`. Must not throw. */
  readonly send: (message: Buffer) => void
  /** What the other side may call. Peers that follow each other can share one table. Default: an empty one. */
  readonly methods?: MethodTable | undefined
  /**
   * Called once, when the other side breaks the protocol. From then on nothing is taken or answered; whoever hears this
   * calls `close` with the error that pending calls shall get.
   */
  readonly onViolation: (violation: ProtocolViolation) => void
  /** The deadline of calls that name none. Default: no deadline. */
  readonly callTimeoutMs?: number | undefined
  /** Turns what a method threw into what the other side sees. Default: {@link describeThrown}, which sends no stack. */
  readonly describeError?: ((error: unknown) => RpcErrorObject) | undefined
  /**
   * Bytes that were sent and wait for the other side to read. Above 64 MiB calls fail, and results are replaced by
   * errors; twice that is a violation: a peer that calls and never reads must not fill the memory. Default: 0.
   */
  readonly queuedBytes?: (() => number) | undefined
}

/** One end of a conversation. */
export class RpcPeer {
  private readonly options: RpcPeerOptions
  private readonly methods: MethodTable
  private readonly outgoing: OutgoingCalls
  private readonly incoming: IncomingCalls
  private closedBy: Error | undefined
  private isBroken = false

  constructor(options: RpcPeerOptions) {
    this.options = options
    this.methods = options.methods ?? new MethodTable()
    this.outgoing = new OutgoingCalls((id) => this.sendCancel(id))
    this.incoming = new IncomingCalls(this.methods, {
      result: (id, result) => this.answerResult(id, result),
      failure: (id, error) => this.answer(id, { error }),
      describe: (error) => this.describe(error),
    })
  }

  /** Calls of ours without an answer. */
  get pendingCalls(): number {
    return this.outgoing.size
  }

  /** Notifications of the other side that were dropped because more than 8,192, or 64 MiB of them, were running. */
  get droppedNotifications(): number {
    return this.incoming.droppedNotifications
  }

  /**
   * Lets the other side call `method`; replaces one of the same name. A dot in a name is part of the name.
   * @throws {InvalidOptionsError} when the name has not 1 to 256 characters, or `method` is no function
   */
  expose(name: string, method: RpcMethod): void {
    this.methods.add(name, method)
  }

  /**
   * Exposes every own enumerable function of `object`, those of nested objects under dotted names. They are called
   * with the call's context as `this`, not with the object.
   * @throws {InvalidOptionsError} for a member that is neither a function nor an object; nothing is exposed then
   */
  exposeObject(object: object, prefix = ''): void {
    this.methods.addObject(object, prefix)
  }

  /** Takes back a method and everything below `name.`. @returns whether there was anything. */
  unexpose(name: string): boolean {
    return this.methods.delete(name)
  }

  /**
   * Calls a method of the other side. Positional parameters that are `undefined` at the end are left out.
   *
   * @returns the result, or a promise that rejects: it never throws synchronously
   * @throws {RpcError} what the other side answered. {@link CallTimeoutError} after the deadline. The signal's reason
   *   when it aborts. {@link UnsendableError} when the parameters cannot be sent. {@link CapacityError} when 1,024
   *   calls are pending or the other side does not read. The error that `close` was called with.
   */
  async call(method: string, params: RpcParams = [], options: CallOptions = {}): Promise<unknown> {
    return this.request(method, params, options)
  }

  /**
   * As {@link call}, but what keeps the request from going out is thrown at once: whoever returns from here knows that
   * the other side will hear of it.
   */
  request(method: string, params: RpcParams = [], options: CallOptions = {}): Promise<unknown> {
    if (this.closedBy !== undefined) throw this.closedBy
    options.signal?.throwIfAborted()
    const timeoutMs = parseTimeout(options.timeoutMs ?? this.options.callTimeoutMs)
    assertCall(method, params)
    this.outgoing.assertCapacity(method)
    this.assertReading(method)
    return this.ask(method, trimParams(params), { timeoutMs, signal: options.signal })
  }

  /**
   * Asks whether the other side answers. Every answer counts, an error too. Goes out also when as many calls are pending as may, or
   * much waits to be read: work is no silence. One at a time is meant.
   * @throws {CallTimeoutError} when nothing came in time. The error that `close` was called with.
   */
  async probe(method: string, timeoutMs: number): Promise<void> {
    if (this.closedBy !== undefined) throw this.closedBy
    await this.ask(method, {}, { timeoutMs }).catch((error: unknown) => {
      if (!(error instanceof RpcError)) throw error
    })
  }

  /**
   * Tells the other side something: no answer, and no error when it does not know the method.
   * @throws {UnsendableError} {@link CapacityError} as {@link call}; {@link InvalidStateError} after `close`
   */
  notify(method: string, params: RpcParams = []): void {
    if (this.closedBy !== undefined) {
      throw new InvalidStateError(`cannot notify '${method}': the connection is closed`, { cause: this.closedBy })
    }
    assertCall(method, params)
    this.assertReading(method)
    this.options.send(encodeMessage({ jsonrpc: '2.0', method, params: trimParams(params) }))
  }

  /**
   * Takes one message of the other side, parsed from JSON. Ignored after `close` and after a violation.
   * @param cost - what it takes of the memory, as `MessageDecoder` says: what running methods hold is bounded by it.
   */
  receive(value: unknown, cost = 0): void {
    if (this.closedBy !== undefined || this.isBroken) return
    try {
      this.dispatch(value, cost)
    } catch (error) {
      if (!(error instanceof ProtocolViolation)) throw error
      this.violated(error)
    }
  }

  /** Rejects every pending call with `error`, aborts the methods that run for the other side. Idempotent. */
  close(error: Error): void {
    if (this.closedBy !== undefined) return
    this.closedBy = error
    this.incoming.close(error)
    this.outgoing.rejectAll(error)
  }

  private dispatch(value: unknown, cost: number): void {
    const message = parseIncoming(value)
    switch (message.kind) {
      case 'request':
        return this.incoming.call(message.id, message.method, message.params, cost)
      case 'notification':
        return this.incoming.notification(message.method, message.params, cost)
      case 'cancel':
        return this.incoming.cancel(message.id)
      case 'result':
        return this.outgoing.settle(message.id, false, message.result)
      case 'failure':
        return this.outgoing.settle(message.id, true, answeredError(message.error))
    }
  }

  private ask(method: string, params: RpcParams, options: CallOptions): Promise<unknown> {
    const id = this.outgoing.nextId()
    const message = encodeMessage({ jsonrpc: '2.0', id, method, params })
    const answer = this.outgoing.add(id, method, options)
    this.options.send(message)
    return answer
  }

  private violated(violation: ProtocolViolation): void {
    if (this.closedBy !== undefined || this.isBroken) return
    this.isBroken = true
    this.options.onViolation(violation)
  }

  private describe(error: unknown): RpcErrorObject {
    try {
      return (this.options.describeError ?? describeThrown)(error)
    } catch {
      return { code: JsonRpcErrorCode.InternalError, message: 'the method failed' }
    }
  }

  private answerResult(id: CallerId, result: unknown): void {
    if (this.queuedBytes > MAX_QUEUED_MESSAGE_BYTES) {
      const message = 'too many answers wait to be read'
      return this.answer(id, { error: { code: JsonRpcErrorCode.Busy, message } })
    }
    this.answer(id, result === undefined ? { result: null, undefined: true } : { result })
  }

  private answer(id: CallerId, members: object): void {
    if (this.closedBy !== undefined || this.isBroken) return
    if (this.queuedBytes > 2 * MAX_QUEUED_MESSAGE_BYTES) {
      return this.violated(new ProtocolViolation('calls without reading the answers'))
    }
    let encoded: Buffer
    try {
      encoded = encodeMessage({ jsonrpc: '2.0', id, ...members })
    } catch (error) {
      const { code, message: text } = describeThrown(error)
      encoded = encodeMessage({ jsonrpc: '2.0', id, error: { code, message: text } })
    }
    this.options.send(encoded)
  }

  private sendCancel(id: number): void {
    if (this.closedBy === undefined)
      this.options.send(encodeMessage({ jsonrpc: '2.0', method: CANCEL_METHOD, params: { id } }))
  }

  private get queuedBytes(): number {
    return this.options.queuedBytes?.() ?? 0
  }

  private assertReading(method: string): void {
    const queuedBytes = this.queuedBytes
    if (queuedBytes <= MAX_QUEUED_MESSAGE_BYTES) return
    throw new CapacityError(`cannot send '${method}': ${queuedBytes} bytes wait for the other side to read`, {
      details: { queuedBytes, maxQueuedBytes: MAX_QUEUED_MESSAGE_BYTES },
    })
  }
}

function answeredError({ code, message, data }: RpcErrorObject): RpcError {
  return new RpcError(code, printable(message, MAX_ERROR_MESSAGE_CHARS), data)
}
