/** The JSON-RPC 2.0 messages of both directions, and the check that everything from the other side passes first. */
import { MAX_CALL_ID_CHARS, MAX_METHOD_CHARS } from './limits.js'
import { Shape, type Predicate } from './shape.js'
import { ProtocolViolation } from './violation.js'

/** The notification that cancels a call: `{ id }`. */
export const CANCEL_METHOD = '$/cancel'

const isVersion: Predicate = (value) => value === '2.0'
const isMethod: Predicate = (value) => typeof value === 'string' && value.length <= MAX_METHOD_CHARS
const isContainer: Predicate = (value) => typeof value === 'object' && value !== null
const isText: Predicate = (value) => typeof value === 'string'
const isAnything: Predicate = () => true

/** Ids that the other side chose for its calls. */
const isCallerId: Predicate = (value) =>
  typeof value === 'string' ? value.length <= MAX_CALL_ID_CHARS : Number.isSafeInteger(value)

const requestShape = new Shape({ jsonrpc: isVersion, id: isCallerId, method: isMethod }, { params: isContainer })
const notificationShape = new Shape({ jsonrpc: isVersion, method: isMethod }, { params: isContainer })
const cancelShape = new Shape({ id: isCallerId })

/** `undefined: true` goes with `result: null`: the method returned `undefined`, which JSON cannot say. */
const resultShape = new Shape(
  { jsonrpc: isVersion, id: Number.isSafeInteger, result: isAnything },
  { undefined: (value) => value === true },
)
const errorShape = new Shape({ code: Number.isSafeInteger, message: isText }, { data: isAnything })
const failureShape = new Shape({ jsonrpc: isVersion, id: Number.isSafeInteger, error: errorShape.test })

/** An id of a call that comes in. */
export type CallerId = string | number

/** The parameters of a call: positional or by name. */
export type RpcParams = readonly unknown[] | object

/** The `error` member of a response (JSON-RPC 2.0, 5.1). */
export interface RpcErrorObject {
  readonly code: number
  readonly message: string
  readonly data?: unknown
}

/** What came in, checked. */
export type IncomingMessage =
  | {
      readonly kind: 'request'
      readonly id: CallerId
      readonly method: string
      readonly params?: RpcParams | undefined
    }
  | { readonly kind: 'notification'; readonly method: string; readonly params?: RpcParams | undefined }
  | { readonly kind: 'result'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly error: RpcErrorObject }
  | { readonly kind: 'cancel'; readonly id: CallerId }

function assertShape(shape: Shape, value: unknown, what: string): void {
  const issue = shape.issue(value)
  if (issue !== undefined) throw new ProtocolViolation(`${what} with ${issue}`)
}

function parseCall(value: object): IncomingMessage {
  if (Object.hasOwn(value, 'id')) {
    assertShape(requestShape, value, 'a request')
    const { id, method, params } = value as { id: CallerId; method: string; params?: RpcParams }
    return { kind: 'request', id, method, params }
  }
  assertShape(notificationShape, value, 'a notification')
  const { method, params } = value as { method: string; params?: RpcParams }
  if (method !== CANCEL_METHOD) return { kind: 'notification', method, params }
  assertShape(cancelShape, params, 'a cancellation')
  return { kind: 'cancel', id: (params as { id: CallerId }).id }
}

function parseResponse(value: object): IncomingMessage {
  if (Object.hasOwn(value, 'error')) {
    assertShape(failureShape, value, 'an error response')
    const { id, error } = value as { id: number; error: RpcErrorObject }
    return { kind: 'failure', id, error }
  }
  assertShape(resultShape, value, 'a response')
  const { id, result, undefined: isUndefined } = value as { id: number; result: unknown; undefined?: true }
  if (isUndefined !== true) return { kind: 'result', id, result }
  if (result !== null) throw new ProtocolViolation('a response with a result that is also undefined')
  return { kind: 'result', id, result: undefined }
}

/**
 * @param value - parsed JSON of the other side
 * @throws {ProtocolViolation} when it is no JSON-RPC message of exactly the known form; batches are not known
 */
export function parseIncoming(value: unknown): IncomingMessage {
  if (typeof value !== 'object' || value === null) throw new ProtocolViolation('a message that is no object')
  if (Array.isArray(value)) throw new ProtocolViolation('a batch')
  return Object.hasOwn(value, 'method') ? parseCall(value) : parseResponse(value)
}
