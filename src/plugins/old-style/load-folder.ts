/**
 * Plugin folders of node-sandbox: `manifest.js`, `ParentHooks.js` on the host, `ShovelHooks.js` in the sandbox.
 *
 * The files are CommonJS. What extends `_base` by a relative path, as plugins in the package's own folder did, gets the base class
 * from here. The folder is the caller's own code: it is trusted as much as the program that names it.
 */
import { existsSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import vm from 'node:vm'
import { PluginError } from '../../errors.js'
import { parsePluginManifest } from '../../options/index.js'
import { printable } from '../../printable.js'
import { readGuestFolder } from '../guest-files.js'
import type { LoadedPlugin } from '../load-plugins.js'
import { quotePlugin } from '../quote-plugin.js'
import { adaptParentHooks } from './adapter.js'
import { BaseParentHooks, type ParentHooksClass } from './base-hooks.js'

const BASE_HOOKS = /(?:^|\/)_base\/ParentHooks(?:\.js)?$/

/**
 * @param folder - an absolute path
 * @throws {PluginError} when it is missing, has no manifest, or one of its files cannot be loaded
 */
export async function loadFolder(folder: string, options: unknown): Promise<LoadedPlugin> {
  const known = basename(folder)
  const stats = await stat(folder).catch((cause: unknown) => {
    throw new PluginError(known, null, `the plugin folder '${printable(folder, 200)}' is not there`, { cause })
  })
  if (!stats.isDirectory()) throw new PluginError(known, null, `the plugin '${printable(folder, 200)}' is no folder`)
  const manifest = await loadManifest(known, folder)
  const { name } = manifest
  const host = join(folder, 'ParentHooks.js')
  const guest = join(folder, 'ShovelHooks.js')
  return {
    ...manifest,
    options,
    host: existsSync(host) ? adaptParentHooks(manifest, await loadParentHooks(name, host)) : {},
    guest: existsSync(guest) ? await readGuestFolder(name, folder, guest) : null,
  }
}

async function loadManifest(known: string, folder: string) {
  const path = join(folder, 'manifest.js')
  if (!existsSync(path)) {
    const message = `the plugin folder '${printable(folder, 200)}' has no manifest.js`
    throw new PluginError(known, null, message)
  }
  try {
    return parsePluginManifest(runCommonJs(path, await readFile(path, 'utf8')))
  } catch (error) {
    throw unloadable(known, 'manifest.js', error)
  }
}

async function loadParentHooks(plugin: string, path: string): Promise<ParentHooksClass> {
  try {
    const exported = runCommonJs(path, await readFile(path, 'utf8'))
    if (typeof exported === 'function') return exported as ParentHooksClass
    throw new Error('it does not export a class')
  } catch (error) {
    throw unloadable(plugin, 'ParentHooks.js', error)
  }
}

/** As `require` would, whatever the nearest package.json says of `.js`, and `_base` is found where there is none. */
function runCommonJs(filename: string, source: string): unknown {
  const load = createRequire(filename)
  const requireOr = (name: string): unknown => {
    if (!BASE_HOOKS.test(name)) return load(name) as unknown
    try {
      return load(name) as unknown
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error
      return BaseParentHooks
    }
  }
  const module = { exports: {} as unknown }
  const scope = {
    exports: module.exports,
    require: Object.assign(requireOr, { resolve: load.resolve, cache: load.cache }),
    module,
    __filename: filename,
    __dirname: dirname(filename),
  }
  const run = vm.compileFunction(source.replace(/^#!/, '//'), Object.keys(scope), { filename })
  Reflect.apply(run, module.exports, Object.values(scope))
  return module.exports
}

function unloadable(plugin: string, file: string, cause: unknown): PluginError {
  const why = printable(cause instanceof Error ? cause.message : String(cause), 500)
  return new PluginError(plugin, null, `cannot load ${file} of the plugin ${quotePlugin(plugin)}: ${why}`, { cause })
}
