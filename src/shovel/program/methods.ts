/**
 * A methods file: `exports.methods` holds functions by the names of actions, which the host calls with one value.
 *
 * Names are looked up among the object's own members only: `constructor` and `toString` are no actions.
 */
import { JsonRpcErrorCode } from '../../protocol/rpc-codes.js'
import { LoadError } from './load-error.js'

/** Calls an action. @throws what the method throws, or an error with the code of an unknown method. */
export type ActionCaller = (name: string, data: unknown) => unknown

/** The functions that a file exports. They may be added to while the program runs. */
type Methods = Readonly<Record<string, unknown>>

/**
 * @param exported what the file exports.
 * @param self the `this` of every method.
 * @throws {LoadError} when there is no object `methods`, or a member of it is no function.
 */
export function createActionCaller(exported: unknown, self: unknown): ActionCaller {
  const methods = methodsOf(exported)
  return (name, data) => {
    const method = Object.hasOwn(methods, name) ? methods[name] : undefined
    if (typeof method !== 'function') {
      throw Object.assign(new Error(`there is no action '${name}'`), { rpcCode: JsonRpcErrorCode.MethodNotFound })
    }
    return Reflect.apply(method, self, [data]) as unknown
  }
}

function methodsOf(exported: unknown): Methods {
  const methods = memberOf(exported, 'methods') ?? memberOf(memberOf(exported, 'default'), 'methods')
  if (typeof methods !== 'object' || methods === null || Array.isArray(methods)) {
    throw misfit(`exports.methods must be an object of functions, got ${described(methods)}`)
  }
  for (const [name, method] of Object.entries(methods)) {
    if (typeof method !== 'function') throw misfit(`the action '${name}' must be a function, got ${described(method)}`)
  }
  return methods as Methods
}

function memberOf(value: unknown, name: string): unknown {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
    ? (value as Record<string, unknown>)[name]
    : undefined
}

function described(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'an array' : typeof value
}

function misfit(message: string): LoadError {
  return new LoadError('methods', 'throw', new TypeError(message))
}
