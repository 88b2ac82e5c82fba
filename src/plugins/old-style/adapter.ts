/** Lets the host part of an old-style plugin take part in a sandbox: one instance of its class for each. */
import { featuresOf } from '../order.js'
import type { PluginContext, PluginHostHooks, PluginManifest, PluginRpc } from '../types.js'
import type { ParentHooksClass } from './base-hooks.js'
import { OldPluginManager } from './manager.js'

/** By the object that all plugins of one sandbox have in common. */
const managers = new WeakMap<PluginRpc, OldPluginManager>()

type Instance = Readonly<Record<string, unknown>>

/** @returns what makes the hooks for one sandbox */
export function adaptParentHooks(manifest: PluginManifest, ParentHooks: ParentHooksClass) {
  return (context: PluginContext): PluginHostHooks => {
    const manager = managerOf(context.rpc)
    const sandbox = { id: context.sandboxId, rpc: context.rpc, kill: () => void context.kill() }
    const instance = new ParentHooks(thawed(context.options), sandbox, manager) as Instance
    manager.add(manifest.name, featuresOf(manifest), instance)
    const call = (hook: string, ...args: unknown[]): unknown => {
      const method = instance[hook]
      return typeof method === 'function' ? Reflect.apply(method, instance, args) : undefined
    }
    return {
      onSpawn: () => call('onSpawn', { kill: () => void context.kill() }),
      onKill: () => call('onKill'),
      onError: (chunk) => call('onError', chunk),
      onExit: ({ exitCode, signal }) => call('onExit', exitCode, signal),
      startData: () => instance['startData'],
    }
  }
}

function managerOf(rpc: PluginRpc): OldPluginManager {
  const known = managers.get(rpc) ?? new OldPluginManager()
  managers.set(rpc, known)
  return known
}

/** Old plugins fill defaults into their options: each instance has a copy of its own. */
function thawed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(thawed)
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, thawed(member)]))
}
