/** Loads the files of plugins of the old form. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import vm from 'node:vm'
import { ParentHooks, ShovelHooks } from './base-hooks.js'

/**
 * As `require` does, whatever the nearest package.json says of `.js`. The plugins of old extended `_base` by a path into the
 * old package: where there is no such file, it is found here.
 * @returns what the file exports.
 */
export function loadCommonJs(filename: string): unknown {
  const load = createRequire(filename)
  const module = { exports: {} as unknown }
  const scope = {
    exports: module.exports,
    require: Object.assign((name: string) => loadOr(load, name), { resolve: load.resolve, cache: load.cache }),
    module,
    __filename: filename,
    __dirname: dirname(filename),
  }
  const source = readFileSync(filename, 'utf8').replace(/^#!/, '//')
  const run = vm.compileFunction(source, Object.keys(scope), { filename })
  Reflect.apply(run, module.exports, Object.values(scope))
  return module.exports
}

function loadOr(load: NodeJS.Require, name: string): unknown {
  const [, half] = /(?:^|\/)_base\/(ParentHooks|ShovelHooks)(?:\.js)?$/.exec(name) ?? []
  try {
    return load(name) as unknown
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (half === undefined || (code !== 'MODULE_NOT_FOUND' && code !== 'ERR_PACKAGE_PATH_NOT_EXPORTED')) throw error
    return half === 'ParentHooks' ? ParentHooks : ShovelHooks
  }
}
