/** Which modules a program may load. A convenience: it tells an honest program early what it may count on. */
import { isBuiltin } from 'node:module'
import { dirname } from 'node:path'
import process from 'node:process'

/** Loads a built-in module by name, with or without `node:`. */
export type BuiltinLoader = (name: unknown) => unknown

/** The permission to load files of the home. */
export const HOME_PERMISSION = 'home'

/**
 * @param permissions module names; `fs` also covers `fs/promises`, as every name covers what is below it.
 * @returns a function that throws `ERR_MODULE_NOT_PERMITTED` for every other module.
 */
export function createBuiltinLoader(permissions: readonly string[]): BuiltinLoader {
  const permitted = new Set(permissions.map(bareName))
  const list = permissions.length === 0 ? 'none' : permissions.join(', ')
  const hint = permitted.has(HOME_PERMISSION) ? '' : ' (only built-in modules can be loaded)'
  return (name) => {
    if (typeof name !== 'string') throw new TypeError('The name of a module must be a string')
    const bare = bareName(name)
    const topLevel = bare.split('/', 1)[0] as string
    // Not by a `require`, which may be guarded by this very function.
    if (isBuiltin(name) && (permitted.has(bare) || permitted.has(topLevel))) return process.getBuiltinModule(name)
    throw notPermitted(name, `${isBuiltin(name) ? '' : hint}; permissions: ${list}`)
  }
}

/** Tells whether a file belongs to the home. */
export class HomeFiles {
  readonly #paths: ReadonlySet<string>

  /** @param paths files and folders of the home, by absolute path; a folder stands for all that is below it. */
  constructor(paths: readonly string[]) {
    this.#paths = new Set(paths)
  }

  has(path: string): boolean {
    if (this.#paths.has(path)) return true
    return path !== '/' && this.has(dirname(path))
  }

  /** @param path where the module lies, with no link on the way. @throws `ERR_MODULE_NOT_PERMITTED` outside the home. */
  assertHas(path: string, name: string): void {
    if (!this.has(path)) throw notPermitted(name, `: '${path}' lies outside the home`)
  }
}

function notPermitted(name: string, why: string): Error {
  return Object.assign(new Error(`Module '${name}' is not permitted${why}`), { code: 'ERR_MODULE_NOT_PERMITTED' })
}

function bareName(name: string): string {
  return name.startsWith('node:') ? name.slice('node:'.length) : name
}
