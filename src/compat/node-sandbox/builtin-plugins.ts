/** The old package's own plugins by name. What they did is built in; they stay loadable, with their names and data. */
import { ParentHooks, ShovelHooks } from './base-hooks.js'
import type { PluginFiles } from './plugin-manager.js'

/** `null` for a name that is no built-in plugin. */
export function builtinPlugin(name: string): PluginFiles | null {
  return BUILTIN.get(name) ?? null
}

class RpcHooks extends ParentHooks {
  override startData = {
    call_timeout: option(this._options, 'call_timeout') ?? option(sandboxOptions(this), 'call_timeout') ?? -1,
  }
}

class WrapperHooks extends ParentHooks {
  override startData = { permissions: option(sandboxOptions(this), 'permissions') ?? [] }
}

const BUILTIN: ReadonlyMap<string, PluginFiles> = new Map([
  plugin('_base', [], ParentHooks),
  plugin('rpc', [], RpcHooks),
  plugin('lockup_detection', ['rpc'], ParentHooks),
  plugin('wrapper', [], WrapperHooks),
])

function plugin(name: string, depends: readonly string[], parent: unknown): [string, PluginFiles] {
  const classes: Record<string, unknown> = { ParentHooks: parent, ShovelHooks }
  const manifest = { name, provides: [], conflicts: [], depends }
  return [name, { manifest, folder: null, load: (className) => classes[className] }]
}

function sandboxOptions(hooks: ParentHooks): unknown {
  return option(hooks._sandbox, '_options')
}

function option(object: unknown, name: string): unknown {
  return typeof object === 'object' && object !== null ? (object as Record<string, unknown>)[name] : undefined
}
