import { MAX_ERROR_MESSAGE_CHARS } from './limits.js'
import { JsonRpcErrorCode } from './rpc-codes.js'
import type { RpcErrorObject } from './rpc-messages.js'

function textOf(error: unknown): string {
  try {
    return error instanceof Error ? String(error.message) : String(error)
  } catch {
    return 'the method threw a value that has no text'
  }
}

/**
 * What the other side sees of what a method threw: its message, cut to 1,024 characters, and for an error that carries
 * them its `rpcCode` and `data`. Never its stack, which tells of files on this side.
 */
export function describeThrown(error: unknown): RpcErrorObject {
  const message = textOf(error).slice(0, MAX_ERROR_MESSAGE_CHARS)
  if (!(error instanceof Error)) return { code: JsonRpcErrorCode.InternalError, message }
  const { rpcCode, data } = error as { rpcCode?: unknown; data?: unknown }
  if (!Number.isSafeInteger(rpcCode)) return { code: JsonRpcErrorCode.InternalError, message }
  return { code: rpcCode as number, message, ...(data === undefined ? {} : { data }) }
}
