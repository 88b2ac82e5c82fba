/** Which plugins go together, and in which order they come. */
import { PluginError } from '../errors.js'
import { quotePlugin } from './quote-plugin.js'
import type { PluginManifest } from './types.js'

/**
 * Puts every plugin behind those that it depends on; for the rest the order stays. A plugin provides its own name.
 * @throws {PluginError} when two provide the same, one conflicts with another, one depends on what nobody provides, or some
 * depend on each other in a circle
 */
export function orderPlugins<T extends PluginManifest>(plugins: readonly T[]): readonly T[] {
  const providers = findProviders(plugins)
  assertNoConflict(plugins, providers)
  const ordered = new Set<T>()
  const visit = (plugin: T, path: readonly T[]): void => {
    if (ordered.has(plugin)) return
    if (path.includes(plugin)) throw circle([...path.slice(path.indexOf(plugin)), plugin])
    for (const feature of plugin.depends) {
      const provider = providers.get(feature)
      if (provider === undefined) throw unmet(plugin, feature)
      visit(provider, [...path, plugin])
    }
    ordered.add(plugin)
  }
  for (const plugin of plugins) visit(plugin, [])
  return [...ordered]
}

/** What a plugin can be found by: its name, and the features that it provides. */
export function featuresOf({ name, provides }: PluginManifest): readonly string[] {
  return [...new Set([name, ...provides])]
}

/** By what they are given for and not by who comes first: an alternative before the original is found out too. */
function findProviders<T extends PluginManifest>(plugins: readonly T[]): ReadonlyMap<string, T> {
  const providers = new Map<string, T>()
  for (const plugin of plugins) {
    for (const feature of featuresOf(plugin)) {
      const other = providers.get(feature)
      if (other !== undefined) throw providedTwice(plugin, feature, other)
      providers.set(feature, plugin)
    }
  }
  return providers
}

function assertNoConflict<T extends PluginManifest>(plugins: readonly T[], providers: ReadonlyMap<string, T>): void {
  for (const plugin of plugins) {
    for (const feature of plugin.conflicts) {
      const other = providers.get(feature)
      if (other === undefined || other === plugin) continue
      const message = `Plugin ${quotePlugin(plugin.name)} conflicts with plugin ${quotePlugin(other.name)}!`
      throw new PluginError(plugin.name, null, message, { details: { other: other.name, feature } })
    }
  }
}

function providedTwice(plugin: PluginManifest, feature: string, other: PluginManifest): PluginError {
  const [name, by] = [quotePlugin(plugin.name), quotePlugin(other.name)]
  const message =
    plugin.name === other.name
      ? `Plugin ${name} is given twice: a sandbox has at most one plugin of a name.`
      : `Plugin ${name} provides ${quotePlugin(feature)}, but that's already provided by ${by}!`
  return new PluginError(plugin.name, null, message, { details: { other: other.name, feature } })
}

function unmet(plugin: PluginManifest, feature: string): PluginError {
  const message = `Plugin ${quotePlugin(plugin.name)} depends on plugin ${quotePlugin(feature)}!`
  return new PluginError(plugin.name, null, message, { details: { feature } })
}

function circle(path: readonly PluginManifest[]): PluginError {
  const names = path.map(({ name }) => name)
  const [first = ''] = names
  const message = `Plugins depend on each other in a circle: ${names.map((name) => quotePlugin(name)).join(' → ')}.`
  return new PluginError(first, null, message, { details: { circle: names } })
}
