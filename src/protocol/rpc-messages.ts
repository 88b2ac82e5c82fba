/** The JSON-RPC 2.0 messages of both directions, and the check that everything from the other side passes first. */
import * as z from 'zod/mini'
import { MAX_CALL_ID_CHARS, MAX_METHOD_CHARS } from './limits.js'
import { describeIssue } from './schema-issue.js'
import { ProtocolViolation } from './violation.js'

/** The notification that cancels a call: `{ id }`. */
export const CANCEL_METHOD = '$/cancel'

const version = z.literal('2.0')

/** Ids that the other side chose for its calls. */
const callerId = z.union([z.int(), z.string().check(z.maxLength(MAX_CALL_ID_CHARS))])

/** Not copied: the members are the caller's JSON and for the method to judge. */
const params = z.optional(z.custom<RpcParams>((value) => typeof value === 'object' && value !== null))
const method = z.string().check(z.maxLength(MAX_METHOD_CHARS))

const requestSchema = z.strictObject({ jsonrpc: version, id: callerId, method, params })
const notificationSchema = z.strictObject({ jsonrpc: version, method, params })

/** `undefined: true` goes with `result: null`: the method returned `undefined`, which JSON cannot say. */
const resultSchema = z.strictObject({
  jsonrpc: version,
  id: z.int(),
  result: z.unknown(),
  undefined: z.optional(z.literal(true)),
})
const failureSchema = z.strictObject({
  jsonrpc: version,
  id: z.int(),
  error: z.strictObject({ code: z.int(), message: z.string(), data: z.optional(z.unknown()) }),
})
const cancelSchema = z.strictObject({ id: callerId })

/** An id of a call that comes in. */
export type CallerId = string | number

/** The parameters of a call: positional or by name. */
export type RpcParams = readonly unknown[] | object

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

/** Never shows text of the other side: only where the message is wrong and in what way. */
function check<S extends z.ZodMiniType>(schema: S, value: unknown, what: string): z.output<S> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new ProtocolViolation(`${what} of a wrong form: ${describeIssue(parsed.error)}`)
}

function parseCall(value: object): IncomingMessage {
  if (Object.hasOwn(value, 'id')) return { kind: 'request', ...check(requestSchema, value, 'a request') }
  const { method: name, params: given } = check(notificationSchema, value, 'a notification')
  if (name === CANCEL_METHOD) return { kind: 'cancel', id: check(cancelSchema, given, 'a cancellation').id }
  return { kind: 'notification', method: name, params: given }
}

function parseResponse(value: object): IncomingMessage {
  if (Object.hasOwn(value, 'error')) {
    const { id, error } = check(failureSchema, value, 'an error response')
    return { kind: 'failure', id, error }
  }
  if (!Object.hasOwn(value, 'result')) throw new ProtocolViolation('neither a call nor a response')
  const { id, result, undefined: isUndefined } = check(resultSchema, value, 'a response')
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
