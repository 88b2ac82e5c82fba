/** The error codes of the JSON-RPC conversations. −32768 to −32000 are those of the specification (JSON-RPC 2.0, 5.1). */
export const JsonRpcErrorCode = {
  InvalidRequest: -32600,
  MethodNotFound: -32601,
  InvalidParams: -32602,
  /** The method threw. */
  InternalError: -32603,
  /** Too many calls are pending, or too many answers wait to be read. */
  Busy: -32000,
  /** The caller canceled the call. As in the Language Server Protocol, `RequestCancelled`. */
  Canceled: -32800,
} as const
