/** Plugins: what takes part in the life of a sandbox, on the host and in the program's process. */
export { definePlugin } from './define-plugin.js'
export type { GuestFiles } from './guest-files.js'
export { orderPlugins } from './order.js'
export { PluginHost, type GuestPart } from './plugin-host.js'
export { hookFailure, hookTimeout } from './run-hook.js'
export type {
  Plugin,
  PluginContext,
  PluginDefinition,
  PluginExit,
  PluginHostHooks,
  PluginHostPart,
  PluginManifest,
  PluginRpc,
} from './types.js'
