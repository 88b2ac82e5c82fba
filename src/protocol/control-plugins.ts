/** The messages that load the guest parts of plugins, on the program's channel, before and after `$/load`. */
import * as z from 'zod/mini'

/** The hooks that a guest part can have. */
export const GUEST_HOOKS = ['afterLoad', 'execute', 'loadError'] as const

/** `$/plugin`: runs the file of one guest part. `class`: it exports a class `ShovelHooks` of old. */
export const pluginLoadParamsSchema = z.strictObject({
  plugin: z.string(),
  provides: z.array(z.string()),
  form: z.enum(['module', 'class']),
  main: z.string(),
  sources: z.record(z.string(), z.string()),
  startData: z.unknown(),
})
/** The answer to `$/plugin`: the hooks that the part has. */
export const pluginLoadResultSchema = z.strictObject({ hooks: z.array(z.enum(GUEST_HOOKS)) })

/** `$/hook`: calls one hook. `argument` is the program's text, nothing, or what it failed with. */
export const pluginHookParamsSchema = z.strictObject({
  plugin: z.string(),
  hook: z.enum(GUEST_HOOKS),
  argument: z.unknown(),
})
/** The `data` of a `CONTROL_ERROR_PLUGIN`. */
export const pluginErrorSchema = z.strictObject({ stack: z.string() })

/** A hook of a guest part. */
export type GuestHook = (typeof GUEST_HOOKS)[number]
/** What {@link pluginLoadParamsSchema} lets through. */
export type PluginLoadParams = z.output<typeof pluginLoadParamsSchema>
/** What {@link pluginHookParamsSchema} lets through. */
export type PluginHookParams = z.output<typeof pluginHookParamsSchema>
