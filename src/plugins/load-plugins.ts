/** From entries of the option `plugins` to plugins in their order, of both styles alike. */
import type { ResolvedPluginEntry } from '../options/index.js'
import { readGuestFile, type GuestFiles } from './guest-files.js'
import { loadFolder } from './old-style/load-folder.js'
import { orderPlugins } from './order.js'
import { hookFailure } from './run-hook.js'
import type { Plugin, PluginHostPart, PluginManifest } from './types.js'

/** A plugin that a sandbox can take in. */
export interface LoadedPlugin extends PluginManifest {
  /** As the plugin's schema made them, for this sandbox alone. */
  readonly options: unknown
  readonly host: PluginHostPart<never>
  readonly guest: GuestFiles | null
}

/**
 * Loads and orders them; nothing of the plugins runs but the files of old-style folders.
 * @throws {PluginError}
 */
export async function loadPlugins(entries: readonly ResolvedPluginEntry[]): Promise<readonly LoadedPlugin[]> {
  const loaded: LoadedPlugin[] = []
  for (const { plugin, options } of entries) {
    loaded.push(await (typeof plugin === 'string' ? loadFolder(plugin, options) : loadDefined(plugin, options)))
  }
  return orderPlugins(loaded)
}

async function loadDefined(plugin: Plugin, given: unknown): Promise<LoadedPlugin> {
  const { name, provides, conflicts, depends } = plugin
  return {
    name,
    provides,
    conflicts,
    depends,
    options: makeOptions(plugin, given),
    host: plugin.host ?? {},
    guest: plugin.guest === null ? null : await readGuestFile(name, plugin.guest),
  }
}

function makeOptions({ name, options: schema }: Plugin, given: unknown): unknown {
  if (schema === null) return given
  try {
    return schema.parse(given)
  } catch (error) {
    throw hookFailure(name, 'options', error)
  }
}
