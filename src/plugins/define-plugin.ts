/** The public way to a plugin. */
import type { z } from 'zod'
import { parsePluginDefinition } from '../options/index.js'
import type { Plugin, PluginDefinition } from './types.js'

/**
 * Makes a plugin, to be named in `plugins` of any number of sandboxes.
 *
 * @param definition - its name and place among others, a schema for its options, its host part and its guest part; a relative
 * path of the guest part is resolved against the working folder: write `new URL('./guest.js', import.meta.url)`
 * @throws {InvalidOptionsError}
 */
export function definePlugin<Schema extends z.ZodType = z.ZodType<Readonly<Record<string, never>>>>(
  definition: PluginDefinition<Schema>,
): Plugin {
  return parsePluginDefinition(definition)
}
