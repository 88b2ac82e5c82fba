/** A plugin's definition, and how one is known again. */
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import type { Plugin, PluginHostHooks, PluginHostPart } from '../plugins/types.js'
import { hostPathOption } from './host-path.js'
import { objectOption, opaqueOption, optionFacts, textOption, textProblem } from './option.js'
import { parseOptions } from './parse.js'

const MAX_NAME_BYTES = 128
const MAX_NAMES = 64

/** The name of a plugin, or of a feature that one provides. */
function pluginNameOption() {
  const allowed = `a text of 1 to ${MAX_NAME_BYTES} bytes without control characters`
  return textOption({ type: 'string', allowed }, (name) => {
    if (name === '') return 'it is empty'
    if (/\p{Cc}/u.test(name)) return 'it has a control character'
    return textProblem(name, MAX_NAME_BYTES)
  })
}

function namesOption() {
  return z
    .array(pluginNameOption(), { error: 'an array of names' })
    .max(MAX_NAMES, { error: `at most ${MAX_NAMES} names` })
    .register(optionFacts, { type: 'array of strings', allowed: `at most ${MAX_NAMES} names` })
    .readonly()
    .prefault([])
}

const names = {
  name: pluginNameOption().describe('What it is called in errors, and what others depend on.'),
  provides: namesOption().describe('Features besides its own name; no two plugins of a sandbox provide the same.'),
  conflicts: namesOption().describe('Names or features of plugins that it cannot be used with.'),
  depends: namesOption().describe('Names or features that must be there; what provides them comes first.'),
}

function hookOption() {
  return opaqueOption<(...args: never[]) => unknown>(
    { type: 'function', allowed: 'a function' },
    (value) => typeof value === 'function',
  ).optional()
}

/** The hooks of a host part. */
const hooksSchema = objectOption({
  beforeLaunch: hookOption(),
  onSpawn: hookOption(),
  onKill: hookOption(),
  onError: hookOption(),
  onExit: hookOption(),
  onTraceEvent: hookOption(),
  startData: hookOption(),
} satisfies Record<keyof PluginHostHooks, unknown>).readonly()

const HOST_ALLOWED = 'an object of hooks, or a function that returns one'

/** What `definePlugin` takes. */
export const pluginDefinitionSchema = objectOption({
  ...names,
  options: opaqueOption<z.ZodType>({ type: 'zod schema', allowed: 'a zod schema' }, isSchema)
    .nullable()
    .default(null)
    .describe("Checks the plugin's own options. Without it the plugin takes none."),
  host: z
    .union(
      [
        opaqueOption<PluginHostPart<never>>(
          { type: 'function', allowed: HOST_ALLOWED },
          (value) => typeof value === 'function',
        ),
        hooksSchema,
      ],
      { error: HOST_ALLOWED },
    )
    .register(optionFacts, { type: 'object or function', allowed: HOST_ALLOWED })
    .nullable()
    .default(null)
    .describe('The part on the host: hooks, or a function that makes them for each sandbox.'),
  guest: z
    .union(
      [
        hostPathOption('the guest part'),
        z.instanceof(URL).transform((url, context) => {
          if (url.protocol === 'file:') return resolve(fileURLToPath(url))
          context.addIssue({ code: 'custom', message: 'a path or a file: URL', input: url.href })
          return z.NEVER
        }),
      ],
      { error: 'a path or a file: URL' },
    )
    .register(optionFacts, { type: 'host path or URL', allowed: 'the path of a CommonJS file, or of a `.mjs` module' })
    .nullable()
    .default(null)
    .describe("The part in the sandbox: a file that is run in the program's process and exports hooks."),
}).readonly()

/** `manifest.js` of an old-style plugin; it may hold more. */
const manifestSchema = z.object(names, { error: 'an object as { name, provides, conflicts, depends }' }).readonly()

const defined = new WeakSet()

/**
 * Checks a definition.
 * @throws {InvalidOptionsError}
 */
export function parsePluginDefinition(raw: unknown): Plugin {
  const plugin = parseOptions(pluginDefinitionSchema, raw, 'plugin definition') as Plugin
  defined.add(plugin)
  return plugin
}

/** Whether a value was made by `definePlugin`. */
export function isPlugin(value: unknown): value is Plugin {
  return typeof value === 'object' && value !== null && defined.has(value)
}

/**
 * Checks what an old-style plugin says of itself.
 * @throws {InvalidOptionsError}
 */
export function parsePluginManifest(raw: unknown) {
  return parseOptions(manifestSchema, raw, 'plugin manifest')
}

/**
 * Checks the hooks that a host part made for one sandbox.
 * @throws {InvalidOptionsError}
 */
export function parsePluginHooks(raw: unknown): PluginHostHooks<never> {
  return parseOptions(hooksSchema, raw, 'plugin hooks') as PluginHostHooks<never>
}

function isSchema(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'safeParse' in value && typeof value.safeParse === 'function'
}
