/** The errors of a call, in the old package's shape. */

export const INVALID_REQUEST = -32600
export const METHOD_NOT_FOUND = -32601
export const INTERNAL_ERROR = -32603
export const PARSE_ERROR = -32700

/** The longest error message that is sent, in characters. */
const MAX_MESSAGE_CHARS = 1_024

/** The `error` member of an answer. */
export interface WireError {
  readonly code: number
  readonly message: string
  readonly data?: unknown
}

/**
 * What the other side answered a call with. The old package rejected with a plain `{ code, message, data }`: the same
 * members are own and enumerable here, so that code that serialises or compares them goes on working.
 */
export class RemoteError extends Error {
  readonly code: number
  declare readonly data?: unknown

  constructor({ code, message, data }: WireError) {
    super(message)
    this.name = 'RemoteError'
    this.code = code
    Object.defineProperty(this, 'name', { enumerable: false })
    Object.defineProperty(this, 'message', { enumerable: true })
    if (data !== undefined) this.data = data
  }
}

/** The answer to a call of what is not exposed. */
export function methodNotFound(name: string): WireError {
  return { code: METHOD_NOT_FOUND, message: `Couldn't find the method requested (${name.slice(0, MAX_MESSAGE_CHARS)})` }
}

/** What a method threw, as the other side may see it: never with a stack, which tells of files on this side. */
export function describeThrown(thrown: unknown): WireError {
  let message: string
  try {
    message = thrown instanceof Error ? String(thrown.message) : String(thrown)
  } catch {
    message = 'the method threw a value that has no text'
  }
  return { code: INTERNAL_ERROR, message: message.slice(0, MAX_MESSAGE_CHARS) }
}
