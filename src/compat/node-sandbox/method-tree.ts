/**
 * What one side lets the other call: functions in nested objects, named by paths with dots.
 *
 * A path is followed through own members of plain objects only. No name reaches a prototype, so that `hasOwnProperty` or
 * `constructor` are no methods unless somebody exposed them. Objects that were exposed are never changed.
 */

/** A function, or an object of functions and such objects. */
export type Exposed = ((...args: never[]) => unknown) | ExposedObject

/** Functions by name; objects in it are namespaces. */
export interface ExposedObject {
  readonly [name: string]: Exposed
}

/** A function and the object that holds it, which becomes its `this`. */
export interface FoundMethod {
  readonly holder: object
  readonly method: (...args: unknown[]) => unknown
}

/** @returns `null` when there is no such method. */
export function findMethod(root: object, name: string): FoundMethod | null {
  const path = name.split('.')
  const last = path.pop() as string
  let holder: unknown = root
  for (const part of path) holder = ownMember(holder, part)
  const method = ownMember(holder, last)
  return typeof method === 'function' ? { holder: holder as object, method: method as FoundMethod['method'] } : null
}

/**
 * Parameters as the old package takes them: an array is spread, anything else is one argument, nothing is one
 * `undefined`.
 */
export function callMethod({ holder, method }: FoundMethod, params: unknown): unknown {
  return Reflect.apply(method, holder, Array.isArray(params) ? params : [params])
}

/**
 * @returns a tree in which `name` is `value` as well; an object is merged with one of the same name.
 * @throws {TypeError} when `value` is neither a function nor an object.
 */
export function withExposed(root: object, name: string, value: Exposed): object {
  if (typeof value !== 'function' && !isContainer(value)) {
    throw new TypeError(`What is exposed as '${name}' must be a function or an object, got ${typeof value}`)
  }
  return replaced(root, name.split('.'), (old) =>
    isContainer(old) && isContainer(value) ? { ...old, ...value } : value,
  )
}

/**
 * @returns a tree without `name`.
 * @throws {TypeError} when a namespace on the way does not exist.
 */
export function withoutExposed(root: object, name: string): object {
  const path = name.split('.')
  let holder: unknown = root
  for (const part of path.slice(0, -1)) {
    holder = ownMember(holder, part)
    if (!isContainer(holder)) throw new TypeError(`Cannot unexpose '${name}': there is no namespace '${part}'`)
  }
  return replaced(root, path, () => undefined)
}

function replaced(tree: object, [head, ...rest]: readonly string[], change: (old: unknown) => unknown): object {
  const key = head as string
  const old = ownMember(tree, key)
  const member = rest.length === 0 ? change(old) : replaced(isContainer(old) ? old : {}, rest, change)
  // A rest pattern and a computed key make own members of any name, `__proto__` included.
  const { [key]: _removed, ...others } = tree as Record<string, unknown>
  return member === undefined ? others : { ...others, [key]: member }
}

function ownMember(holder: unknown, name: string): unknown {
  return isContainer(holder) && Object.hasOwn(holder, name) ? (holder as Record<string, unknown>)[name] : undefined
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
