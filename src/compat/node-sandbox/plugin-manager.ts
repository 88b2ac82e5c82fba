/** Loads one half of plugins of the old form, checks that they go together, and calls their hooks. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { builtinPlugin } from './builtin-plugins.js'
import { loadCommonJs } from './common-js.js'

/** A built-in plugin by name, a folder by its path (with a `/`), or either with options. */
export type PluginEntry = string | { readonly name: string; readonly options?: unknown }

/** A plugin's `manifest.js`. */
export interface PluginManifest {
  readonly name: string
  /** What it can be depended on as, besides its name. */
  readonly provides?: readonly string[]
  readonly conflicts?: readonly string[]
  readonly depends?: readonly string[]
}

/** A plugin before it is instantiated. */
export interface PluginFiles {
  readonly manifest: PluginManifest
  /** `null` for a built-in one. */
  readonly folder: string | null
  /** @returns the class of that half. */
  load(className: string): unknown
}

/** An instance of one half. */
export type PluginInstance = Readonly<Record<string, unknown>>

type PluginClass = new (options: unknown, parentObject: unknown, manager: PluginManager) => PluginInstance

/** The plugins of one sandbox, in the order in which they were given. */
export class PluginManager {
  /** Instances by name. While one is constructed only the earlier ones are here. */
  readonly plugins: Record<string, PluginInstance> = {}
  /** Where they came from, in order. */
  readonly _loaded: PluginFiles[] = []

  /**
   * @param className which half: `ParentHooks` or `ShovelHooks`.
   * @param pluginDir where plugins that are given by name lie, besides the built-in ones; relative to the working directory.
   * @param parentObject what the plugins are given: the sandbox, or the program's global object. It is not touched.
   * @throws {Error} for a plugin that cannot be loaded, is there twice, conflicts with, or provides the same as another one, or
   * depends on one that does not come before it.
   */
  constructor(
    plugins: readonly PluginEntry[],
    className: string,
    pluginDir: string = './plugins',
    parentObject: unknown = undefined,
  ) {
    for (const entry of plugins) {
      const { name, options = {} } = typeof entry === 'string' ? { name: entry } : entry
      const files = loadPlugin(name, pluginDir)
      this.#check(files.manifest)
      const Hooks = files.load(className) as PluginClass
      const instance = new Hooks(options, parentObject, this)
      this._loaded.push(files)
      this.plugins[files.manifest.name] = instance
    }
  }

  /** Calls `on<Event>` of every plugin that has it, in order. @param args an array is spread, anything else is one argument. */
  call(event: string, args?: unknown): void {
    const hook = `on${event.charAt(0).toUpperCase()}${event.slice(1)}`
    for (const plugin of Object.values(this.plugins)) {
      const method = plugin[hook]
      if (typeof method === 'function') Reflect.apply(method, plugin, Array.isArray(args) ? args : [args])
    }
  }

  /** A member of every plugin, by the plugin's name. */
  get(member: string): Record<string, unknown> {
    return Object.fromEntries(Object.entries(this.plugins).map(([name, plugin]) => [name, plugin[member]]))
  }

  #check(added: PluginManifest): void {
    const manifests = this._loaded.map(({ manifest }) => manifest)
    for (const known of manifests) {
      const feature = featuresOf(added).find((name) => featuresOf(known).includes(name))
      if (known.name === added.name) throw new Error(`Plugin '${added.name}' is loaded twice!`)
      if (feature !== undefined)
        throw new Error(`Plugin '${added.name}' provides '${feature}', but that's already provided by '${known.name}'!`)
      if (isAgainst(added, known) || isAgainst(known, added))
        throw new Error(`Plugin '${added.name}' conflicts with plugin '${known.name}'!`)
    }
    const features = new Set(manifests.flatMap(featuresOf))
    const missing = (added.depends ?? []).find((feature) => !features.has(feature))
    if (missing !== undefined) throw new Error(`Plugin '${added.name}' depends on plugin '${missing}'!`)
  }
}

/** Who is called like a feature provides it as well: so it does not matter which of two comes first. */
function featuresOf({ name, provides = [] }: PluginManifest): string[] {
  return [name, ...provides]
}

function isAgainst({ conflicts = [] }: PluginManifest, other: PluginManifest): boolean {
  return featuresOf(other).some((feature) => conflicts.includes(feature))
}

function loadPlugin(name: string, pluginDir: string): PluginFiles {
  const folder = pluginFolder(name, pluginDir)
  if (folder === null) {
    const builtin = builtinPlugin(name)
    if (builtin !== null) return builtin
    throw new Error(`There is no plugin '${name}' in '${resolve(pluginDir)}', and no built-in one!`)
  }
  return {
    manifest: loadCommonJs(join(folder, 'manifest.js')) as PluginManifest,
    folder,
    load: (className) => loadCommonJs(join(folder, `${className}.js`)),
  }
}

/** @returns `null` for a plugin that is not in a folder. */
function pluginFolder(name: string, pluginDir: string): string | null {
  if (name.includes('/')) return resolve(name)
  const folder = resolve(pluginDir, name)
  return existsSync(join(folder, 'manifest.js')) ? folder : null
}
