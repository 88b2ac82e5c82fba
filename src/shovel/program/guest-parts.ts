/**
 * Guest parts of plugins, which run in the program's process: loaded before the program, called around it.
 *
 * They may load every built-in module, whatever the program is permitted. Nothing keeps a hostile program from changing what
 * they find afterwards: the host believes a guest part no more than it believes the program.
 */
import { isBuiltin } from 'node:module'
import process from 'node:process'
import type { GuestHook, PluginHookParams, PluginLoadParams } from '../../protocol/control-plugins.js'
import { CONTROL_ERROR_PLUGIN } from '../../protocol/control-codes.js'
import type { RpcPeer } from '../../protocol/rpc-peer.js'
import { arrangeGlobals } from './globals.js'
import { builtinImports } from './imports.js'
import { describeStack, LoadError } from './load-error.js'
import { runFile } from './loader.js'
import { OldParts } from './old-parts.js'

/** The hooks of one guest part, by name. */
export type GuestHooks = Partial<Record<GuestHook, (argument: unknown) => unknown>>

const HOOKS: readonly GuestHook[] = ['afterLoad', 'execute', 'loadError']

/** Answers the host's calls `$/plugin` and `$/hook`. */
export function exposePlugins(peer: RpcPeer, rpc: object): void {
  const parts = new Map<string, GuestHooks>()
  const oldParts = new OldParts(loadBuiltin)
  peer.expose('$/plugin', async (params: PluginLoadParams) => {
    arrangeGlobals({ rpc })
    try {
      const hooks = params.form === 'class' ? oldParts.load(params) : await loadModule(params, rpc)
      parts.set(params.plugin, hooks)
      return { hooks: HOOKS.filter((hook) => hooks[hook] !== undefined) }
    } catch (error) {
      throw failure(error)
    }
  })
  peer.expose('$/hook', async ({ plugin, hook, argument }: PluginHookParams) => {
    try {
      await parts.get(plugin)?.[hook]?.(hook === 'loadError' ? errorOf(argument) : argument)
    } catch (error) {
      throw failure(error)
    }
    return {}
  })
}

/** The file exports the hooks, or a function that makes them; a module may do so by its default export. */
async function loadModule({ plugin, main, sources, startData }: PluginLoadParams, rpc: object): Promise<GuestHooks> {
  const context = Object.freeze({ plugin, startData, rpc })
  const file = { filename: main, source: sources[main] ?? '', guestPath: `/${main}` }
  const scope = { require: loadBuiltin, process }
  const { exported } = await runFile(file, { file: 'program', imports: builtinImports(loadBuiltin), scope })
  const entry = memberOf(exported, 'default') ?? exported
  const made: unknown =
    typeof entry === 'function' ? await (Reflect.apply(entry, undefined, [context]) as unknown) : entry
  const hooks: GuestHooks = {}
  for (const name of HOOKS) {
    const hook = memberOf(made, name)
    if (hook === undefined) continue
    if (typeof hook !== 'function') throw new TypeError(`the hook ${name} must be a function, got ${typeof hook}`)
    hooks[name] = (argument) =>
      Reflect.apply(hook, made, argument === undefined ? [context] : [argument, context]) as unknown
  }
  return hooks
}

function loadBuiltin(name: unknown): unknown {
  if (typeof name === 'string' && isBuiltin(name)) return process.getBuiltinModule(name)
  const error = new Error(`Cannot find module '${String(name)}': a guest part is one file, and built-in modules`)
  throw Object.assign(error, { code: 'MODULE_NOT_FOUND' })
}

function memberOf(value: unknown, name: string): unknown {
  const hasMembers = (typeof value === 'object' && value !== null) || typeof value === 'function'
  return hasMembers ? (value as Record<string, unknown>)[name] : undefined
}

/** What the program failed with comes back from the host, which told it from other failures. */
function errorOf(argument: unknown): Error {
  const { message, stack } = argument as { readonly message: string; readonly stack: string }
  return Object.assign(new Error(message), { stack })
}

function failure(error: unknown): Error {
  const message = error instanceof Error ? error.message : describeStack(error)
  const stack = error instanceof LoadError ? error.data.stack : describeStack(error)
  return Object.assign(new Error(message), { rpcCode: CONTROL_ERROR_PLUGIN, data: { stack } })
}
