import { resolve } from 'node:path'
import { z } from 'zod'
import type { Plugin } from '../plugins/types.js'
import { printable } from '../printable.js'
import { MAX_PATH_BYTES } from './guest-path.js'
import { optionFacts, textProblem } from './option.js'
import { isPlugin } from './plugin-definition.js'

const MAX_PLUGINS = 64
const MAX_OPTION_DEPTH = 32

const ALLOWED =
  "what definePlugin made, { plugin, options }, or the path of an old-style plugin folder such as '/opt/x'"

/** What a caller gives as one entry of `plugins`. */
export type PluginEntry = Plugin | string | { readonly plugin: Plugin | string; readonly options?: unknown }

/** The same in its long form; a text is the absolute path of an old-style folder. */
export interface ResolvedPluginEntry {
  readonly plugin: Plugin | string
  /** As given, copied and frozen; the plugin's schema has found nothing wrong with it. */
  readonly options: unknown
}

/** Why an entry is refused. */
class EntryProblem extends Error {
  readonly path: readonly PropertyKey[]
  readonly input: unknown
  readonly allowed: string

  constructor(hint: string, input: unknown, path: readonly PropertyKey[] = [], allowed = ALLOWED) {
    super(hint)
    this.input = input
    this.path = path
    this.allowed = allowed
  }
}

const entrySchema = z.custom<PluginEntry>().transform((given, context): ResolvedPluginEntry => {
  try {
    return parseEntry(given)
  } catch (error) {
    if (!(error instanceof EntryProblem)) throw error
    const { path, input, allowed: message, message: hint } = error
    context.addIssue({ code: 'custom', path: [...path], input, message, params: hint === '' ? {} : { hint } })
    return z.NEVER
  }
})

/** `plugins`: what takes part in the life of the sandbox. */
export const pluginsSchema = z
  .array(entrySchema, { error: 'an array of plugins' })
  .max(MAX_PLUGINS, { error: `at most ${MAX_PLUGINS} plugins` })
  .register(optionFacts, {
    type: 'array of plugins',
    allowed: `at most ${MAX_PLUGINS}: what \`definePlugin\` made, \`{ plugin, options }\`, or the path of an old-style plugin folder`,
  })
  .readonly()

function parseEntry(given: unknown): ResolvedPluginEntry {
  if (typeof given === 'string' || isPlugin(given)) return entryOf(given, undefined, [])
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw new EntryProblem('', given)
  if (!('plugin' in given)) throw new EntryProblem('pass what definePlugin returned', given)
  const unknown = Object.keys(given).find((key) => key !== 'plugin' && key !== 'options')
  if (unknown !== undefined) throw new EntryProblem("an entry has 'plugin' and 'options' and nothing else", given)
  return entryOf(given.plugin, 'options' in given ? given.options : undefined, ['plugin'])
}

function entryOf(plugin: unknown, given: unknown, path: readonly PropertyKey[]): ResolvedPluginEntry {
  const options = copyPlain(given ?? {}, 0)
  if (typeof plugin === 'string') return Object.freeze({ plugin: folderOf(plugin, path), options })
  if (!isPlugin(plugin)) throw new EntryProblem('pass what definePlugin returned', plugin, path)
  assertOptions(plugin, options)
  return Object.freeze({ plugin, options })
}

function folderOf(text: string, path: readonly PropertyKey[]): string {
  const hint = text.includes('/')
    ? textProblem(text, MAX_PATH_BYTES)
    : 'a folder is named with a slash; what the old built-in plugins did is part of every sandbox'
  if (hint !== null) throw new EntryProblem(hint, text, path)
  return resolve(text)
}

/** The plugin's own schema decides here, where the caller is told, and makes the options again when the sandbox starts. */
function assertOptions(plugin: Plugin, options: unknown): void {
  const allowed = `what the plugin '${printable(plugin.name, 60)}' takes as options`
  if (plugin.options === null) {
    if (typeof options === 'object' && options !== null && Object.keys(options).length === 0) return
    throw new EntryProblem('it takes none', options, ['options'], allowed)
  }
  const parsed = plugin.options.safeParse(options)
  if (parsed.success) return
  const [issue] = parsed.error.issues
  const path = issue?.path ?? []
  throw new EntryProblem(printable(issue?.message ?? '', 200), valueAt(options, path), ['options', ...path], allowed)
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? (at as Record<PropertyKey, unknown>)[key] : undefined),
    value,
  )
}

/** Plain objects and arrays are copied and frozen, so that no two sandboxes share them; everything else stays what it is. */
function copyPlain(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (depth > MAX_OPTION_DEPTH) {
    throw new EntryProblem(`its options are nested deeper than ${MAX_OPTION_DEPTH} levels`, value, ['options'])
  }
  if (Array.isArray(value)) return Object.freeze(value.map((member) => copyPlain(member, depth + 1)))
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return value
  const members = Object.entries(value).map(([key, member]) => [key, copyPlain(member, depth + 1)] as const)
  return Object.freeze(Object.fromEntries(members))
}
