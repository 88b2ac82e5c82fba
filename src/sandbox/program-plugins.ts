/**
 * Runs the guest parts of plugins around the loading of a program: `$/plugin` for each, then `afterLoad`, the program itself,
 * and `execute` or `loadError`. The host makes each step and times it, so that it knows which plugin hangs.
 */
import { CallTimeoutError, PluginError, ProgramError, RpcError, UnsendableError } from '../errors.js'
import { hookFailure, hookTimeout, type GuestPart } from '../plugins/index.js'
import { printable } from '../printable.js'
import {
  CONTROL_ERROR_PLUGIN,
  pluginErrorSchema,
  pluginLoadResultSchema,
  programErrorSchema,
  type GuestHook,
  type RpcPeer,
} from '../protocol/index.js'

/** Where the parts come from. */
export interface GuestPartSource {
  /** Milliseconds that each step of a plugin may take. */
  readonly hookMs: number
  /** @throws {PluginError} the signal's reason */
  guestParts(signal: AbortSignal): Promise<readonly GuestPart[]>
}

/** What is loaded, and into what. */
export interface PluginStage {
  readonly peer: RpcPeer
  readonly plugins: GuestPartSource
  /** The program's text. */
  readonly source: string
  readonly signal: AbortSignal
}

interface LoadedPart {
  readonly plugin: string
  readonly hooks: readonly GuestHook[]
}

/**
 * Loads a program with the guest parts of plugins around it.
 * @param load - loads the program itself
 * @throws {PluginError} when a part cannot be loaded or one of its hooks fails, and what `load` throws
 */
export async function loadAmongPlugins(stage: PluginStage, load: () => Promise<unknown>): Promise<void> {
  const parts: LoadedPart[] = []
  for (const part of await stage.plugins.guestParts(stage.signal)) parts.push(await loadPart(stage, part))
  await callHooks(stage, parts, 'afterLoad', stage.source)
  try {
    await load()
  } catch (error) {
    // The program's own failure is what the start fails with, whatever a hook makes of it.
    if (error instanceof RpcError) await callHooks(stage, parts, 'loadError', describe(error)).catch(() => undefined)
    throw error
  }
  await callHooks(stage, parts, 'execute', undefined)
}

async function loadPart(stage: PluginStage, part: GuestPart): Promise<LoadedPart> {
  const { plugin, provides, files, startData } = part
  const params = { plugin, provides, startData, form: files.form, main: files.main, sources: files.sources }
  const answer = pluginLoadResultSchema.safeParse(await call(stage, plugin, 'guest', '$/plugin', params))
  if (!answer.success) {
    throw new PluginError(
      plugin,
      'guest',
      `the guest part of the plugin '${printable(plugin)}' answered something else`,
    )
  }
  return { plugin, hooks: answer.data.hooks }
}

async function callHooks(
  stage: PluginStage,
  parts: readonly LoadedPart[],
  hook: GuestHook,
  argument: unknown,
): Promise<void> {
  for (const { plugin, hooks } of parts) {
    if (hooks.includes(hook)) await call(stage, plugin, hook, '$/hook', { plugin, hook, argument })
  }
}

/** @param hook - what a failure is told to be in; `guest` for the file itself */
async function call(
  { peer, plugins, signal }: PluginStage,
  plugin: string,
  hook: string,
  method: string,
  params: object,
): Promise<unknown> {
  const { hookMs } = plugins
  try {
    return await peer.call(method, params, { timeoutMs: hookMs, signal })
  } catch (error) {
    if (error instanceof CallTimeoutError) throw hookTimeout(plugin, hook, hookMs)
    if (error instanceof UnsendableError) throw hookFailure(plugin, 'startData', error)
    // A part that ends the process is told apart from a program that does.
    if (error instanceof ProgramError) throw hookFailure(plugin, hook, error)
    if (error instanceof RpcError) throw guestFailure(plugin, hook, error)
    throw error
  }
}

function guestFailure(plugin: string, hook: string, error: RpcError): PluginError {
  const data = error.rpcCode === CONTROL_ERROR_PLUGIN ? pluginErrorSchema.safeParse(error.data) : null
  const stack = printable(data?.success === true ? data.data.stack : '', 2_000)
  const { message } = hookFailure(plugin, hook, error)
  return new PluginError(plugin, hook, message, { cause: error, details: { stack } })
}

function describe(error: RpcError): { message: string; stack: string } {
  const data = programErrorSchema.safeParse(error.data)
  return { message: error.message, stack: data.success ? data.data.stack : '' }
}
