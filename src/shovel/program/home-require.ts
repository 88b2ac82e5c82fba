/**
 * `require` of files of the home: node's own loader, with a gate before it. The gate asks for every module that any file
 * requires, so that a package of the home has the permissions of the program.
 */
import module, { createRequire, isBuiltin } from 'node:module'
import { dirname, isAbsolute, resolve } from 'node:path'
import type { BuiltinLoader, HomeFiles } from './permissions.js'

/** The parts of node's loader that every `require` goes through; their names have been the same since its first versions. */
interface NativeLoader {
  _load(request: string, parent: { filename?: string } | undefined, isMain: boolean): unknown
  _resolveFilename(request: string, parent: { filename?: string } | undefined, isMain: boolean): string
}

/** Puts the gate before node's loader. Built-in modules that this bundle uses are loaded already. */
export function guardRequire(home: HomeFiles, loadBuiltin: BuiltinLoader): void {
  const loader = module as unknown as NativeLoader
  const load = loader._load.bind(loader)
  loader._load = (request, parent, isMain) => {
    if (isBuiltin(request)) return loadBuiltin(request)
    home.assertHas(findFile(loader, home, request, parent), request)
    return load(request, parent, isMain)
  }
}

/** @returns `require` of a file; it also has `resolve` and `cache`. */
export function requireOf(path: string): NodeJS.Require {
  return createRequire(path)
}

/** What lies outside the home is not permitted also where nothing lies. */
function findFile(
  loader: NativeLoader,
  home: HomeFiles,
  request: string,
  parent: { filename?: string } | undefined,
): string {
  try {
    return loader._resolveFilename(request, parent, false)
  } catch (error) {
    if (/^\.{0,2}\//.test(request)) home.assertHas(lexicalPath(request, parent?.filename), request)
    throw error
  }
}

function lexicalPath(request: string, from = '/'): string {
  return isAbsolute(request) ? resolve(request) : resolve(dirname(from), request)
}
