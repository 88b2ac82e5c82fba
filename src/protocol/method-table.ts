import { InvalidOptionsError } from '../errors.js'
import type { RpcMethod } from './call-context.js'
import { CANCEL_METHOD } from './rpc-messages.js'
import { MAX_METHOD_CHARS } from './limits.js'
import { printable } from '../printable.js'

/**
 * The methods that the other side may call. A `Map` and nothing else: no name reaches a prototype, and a dot in a name
 * is a character like any other.
 */
export class MethodTable {
  private readonly methods = new Map<string, RpcMethod>()

  get(name: string): RpcMethod | undefined {
    return this.methods.get(name)
  }

  /** @throws {InvalidOptionsError} when the name is empty, too long or reserved, or `method` is no function */
  add(name: string, method: RpcMethod): void {
    if (typeof name !== 'string' || name === '' || name.length > MAX_METHOD_CHARS || name === CANCEL_METHOD) {
      const shown = typeof name === 'string' ? printable(name, 64) : typeof name
      throw new InvalidOptionsError(
        `a method name has 1 to ${MAX_METHOD_CHARS} characters and is not '${CANCEL_METHOD}', got '${shown}'`,
      )
    }
    if (typeof method !== 'function') {
      throw new InvalidOptionsError(`the method '${name}' must be a function, got ${typeof method}`)
    }
    this.methods.set(name, method)
  }

  /**
   * Adds every own enumerable function of an object, and of the objects in it under dotted names.
   * @throws {InvalidOptionsError} for a member that is neither a function nor an object; nothing is added then
   */
  addObject(object: object, prefix = ''): void {
    const found: [name: string, method: RpcMethod][] = []
    collect(object, prefix, [], found)
    for (const [name, method] of found) this.add(name, method)
  }

  /** Removes a method and everything below `name.`. @returns whether there was anything. */
  delete(name: string): boolean {
    let deleted = this.methods.delete(name)
    for (const known of [...this.methods.keys()]) {
      if (known.startsWith(`${name}.`)) deleted = this.methods.delete(known) || deleted
    }
    return deleted
  }
}

function collect(object: object, prefix: string, ancestors: readonly object[], found: [string, RpcMethod][]): void {
  if (typeof object !== 'object' || (object as unknown) === null) {
    throw new InvalidOptionsError(`what is exposed must be an object of functions, got ${typeof object}`)
  }
  if (ancestors.includes(object)) {
    throw new InvalidOptionsError(`the exposed object contains itself at '${printable(prefix, 64)}'`)
  }
  for (const [key, member] of Object.entries(object) as [string, unknown][]) {
    const name = prefix === '' ? key : `${prefix}.${key}`
    if (typeof member === 'function') found.push([name, member as RpcMethod])
    else if (typeof member === 'object' && member !== null) collect(member, name, [...ancestors, object], found)
    else
      throw new InvalidOptionsError(`the exposed member '${printable(name, 64)}' is neither a function nor an object`)
  }
}
