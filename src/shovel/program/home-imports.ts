/** `import` of files of the home: resolved as node does, permitted as `require` is. */
import { readFileSync, realpathSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type vm from 'node:vm'
import { requireOf } from './home-require.js'
import { moduleOf, type Imports, type Resolver } from './imports.js'
import { isModuleText } from './module-syntax.js'
import type { BuiltinLoader, HomeFiles } from './permissions.js'

type ResolveUrl = (name: string, parent: string) => string

/** node's own resolution of modules, with the `exports` of packages. It is told only to modules, so one is made for it. */
const RESOLVER_SOURCE = 'data:text/javascript,export default (name, parent) => import.meta.resolve(name, parent)'

/** @returns what finds modules of the home and built-in modules. */
export function createHomeResolver(home: HomeFiles, loadBuiltin: BuiltinLoader): Resolver {
  const modules = new Map<string, vm.Module>()
  let resolveUrl: Promise<ResolveUrl> | undefined
  const once = (key: string, make: () => vm.Module): vm.Module => {
    const known = modules.get(key) ?? make()
    modules.set(key, known)
    return known
  }
  return async (name, base, imports) => {
    if (isBuiltin(name)) return once(name, () => moduleOf(loadBuiltin(name), name))
    resolveUrl ??= loadResolver()
    const url = (await resolveUrl)(name, pathToFileURL(base).href)
    if (!url.startsWith('file:')) return once(url, () => moduleOf(loadBuiltin(url), url))
    const path = realPath(fileURLToPath(url), home, name, base)
    return once(path, () => loadModule(path, base, imports))
  }
}

async function loadResolver(): Promise<ResolveUrl> {
  // Not a literal, which the bundler would take in.
  const source: string = RESOLVER_SOURCE
  const loaded = (await import(source)) as { default: ResolveUrl }
  return loaded.default
}

function realPath(path: string, home: HomeFiles, name: string, base: string): string {
  let real = path
  try {
    real = realpathSync(path)
  } catch {
    home.assertHas(path, name)
    throw Object.assign(new Error(`Cannot find module '${path}' imported from ${base}`), {
      code: 'ERR_MODULE_NOT_FOUND',
    })
  }
  home.assertHas(real, name)
  return real
}

function loadModule(path: string, base: string, imports: Imports): vm.Module {
  const source = isScriptName(path) ? null : moduleSource(path)
  if (source === null) return moduleOf(requireOf(base)(path), path)
  const meta = { url: pathToFileURL(path).href, filename: path, dirname: dirname(path) }
  try {
    return imports.compile(source, path, path, meta)
  } catch (error) {
    if (error instanceof Error) error.stack = `${path}\n\n${error.stack ?? error.message}`
    throw error
  }
}

function isScriptName(path: string): boolean {
  return /\.(?:cjs|json|node)$/.test(path)
}

/** @returns the text of a module; `null` for a script. */
function moduleSource(path: string): string | null {
  const source = readFileSync(path, 'utf8')
  if (path.endsWith('.mjs')) return source
  const type = packageType(dirname(path))
  return type === 'module' || (type === null && isModuleText(source)) ? source : null
}

/** The `type` of the nearest `package.json` (Node.js documentation, "Determining module system"); `null` when it has none. */
function packageType(folder: string): string | null {
  try {
    const { type } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { type?: unknown }
    return typeof type === 'string' ? type : null
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' && (error as NodeJS.ErrnoException).code !== 'ENOTDIR')
      return null
    return folder === '/' ? null : packageType(dirname(folder))
  }
}
