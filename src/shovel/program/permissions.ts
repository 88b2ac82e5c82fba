/** Which of node's built-in modules a program may load. */
import { createRequire, isBuiltin } from 'node:module'

/** Loads a built-in module by name, with or without `node:`. */
export type BuiltinLoader = (name: unknown) => unknown

/**
 * @param permissions module names; `fs` also covers `fs/promises`, as every name covers what is below it.
 * @returns a function that throws `ERR_MODULE_NOT_PERMITTED` for every other module.
 */
export function createBuiltinLoader(permissions: readonly string[]): BuiltinLoader {
  const permitted = new Set(permissions.map(bareName))
  const load = createRequire('/')
  return (name) => {
    if (typeof name !== 'string') throw new TypeError('The name of a module must be a string')
    const bare = bareName(name)
    const topLevel = bare.split('/', 1)[0] as string
    if (isBuiltin(name) && (permitted.has(bare) || permitted.has(topLevel))) return load(`node:${bare}`) as unknown
    const kind = isBuiltin(name) ? '' : ' (only built-in modules can be loaded)'
    const list = permissions.length === 0 ? 'none' : permissions.join(', ')
    const error = new Error(`Module '${name}' is not permitted${kind}; permissions: ${list}`)
    throw Object.assign(error, { code: 'ERR_MODULE_NOT_PERMITTED' })
  }
}

function bareName(name: string): string {
  return name.startsWith('node:') ? name.slice('node:'.length) : name
}
