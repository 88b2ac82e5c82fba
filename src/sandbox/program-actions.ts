/** `sandbox.action`: calls of functions that a methods file exports. */
import { CallTimeoutError, InvalidOptionsError, RpcError } from '../errors.js'
import type { CallOptions } from '../options/index.js'
import { printable } from '../printable.js'
import { JsonRpcErrorCode } from '../protocol/index.js'
import type { ProgramSlot } from './program-slot.js'

/** Of all actions on the wire. */
const ACTION_METHOD = '$/action'

/** As of methods that are exposed. */
const MAX_NAME_CHARS = 256

/** @throws see `ContainerSandbox.action` */
export async function callAction<Result>(
  program: ProgramSlot,
  name: string,
  data: unknown,
  options: CallOptions | undefined,
): Promise<Result> {
  if (typeof name !== 'string' || name === '' || name.length > MAX_NAME_CHARS)
    throw new InvalidOptionsError(`the name of an action is a string of 1 to ${MAX_NAME_CHARS} characters`)
  if (!program.hasMethods) {
    const message = `there is no action '${printable(name, 128)}': this sandbox has no methods file, give \`methods\``
    throw new RpcError(JsonRpcErrorCode.MethodNotFound, message)
  }
  try {
    return await program.rpc.call<Result>(ACTION_METHOD, { name, data }, options)
  } catch (error) {
    throw error instanceof CallTimeoutError ? timeoutOf(name, error) : error
  }
}

/** Names the action, and not the method that carries it. */
function timeoutOf(name: string, error: CallTimeoutError): CallTimeoutError {
  const message = error.message.replace(`'${ACTION_METHOD}'`, () => `the action '${printable(name, 128)}'`)
  return new CallTimeoutError(message, { cause: error, details: { ...error.details, method: name } })
}
