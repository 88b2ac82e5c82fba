/** What a plugin is made of: its place among others, and the hooks of its host part. */
import type { z } from 'zod'
import type { SandboxExitedError } from '../errors.js'
import type { ResolvedSandboxOptions, SandboxOptions } from '../options/index.js'
import type { GapEvent, TraceEvent } from '../trace/event.js'

/** The part of `sandbox.rpc` that a plugin uses. */
export interface PluginRpc {
  expose(name: string, method: (...params: never[]) => unknown): unknown
  exposeObject(methods: object): unknown
  unexpose(name: string): unknown
  call(method: string, params?: readonly unknown[] | object, options?: { timeoutMs?: number }): Promise<unknown>
  notify(method: string, params?: readonly unknown[] | object): void
}

/** What every hook of one plugin in one sandbox is given, the same object each time. */
export interface PluginContext<Options = unknown> {
  /** The plugin's own name. */
  readonly plugin: string
  readonly sandboxId: string
  /** The plugin's options, as its schema made them. */
  readonly options: Options
  /** Calls wait until the program is loaded: await none in a hook that comes before. */
  readonly rpc: PluginRpc
  /** Aborts when the sandbox is gone. */
  readonly signal: AbortSignal
  /** Ends the sandbox. */
  kill(): Promise<void>
}

/** How a sandbox ended. */
export interface PluginExit {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly error: SandboxExitedError
}

/** Hooks on the host, each optional, each with the deadline `timeouts.hookMs`. They are called in the order of the plugins. */
export interface PluginHostHooks<Options = unknown> {
  /**
   * Before the container is made. What it returns takes the place of the options of the same names, those in `limits` and
   * `timeouts` one by one. Options can be tightened and never loosened; what is more is refused with a {@link PluginError}.
   */
  beforeLaunch?(
    options: ResolvedSandboxOptions,
    context: PluginContext<Options>,
  ): SandboxOptions | undefined | void | Promise<SandboxOptions | undefined | void>
  /** The container runs and is verified; the program comes next. */
  onSpawn?(context: PluginContext<Options>): unknown
  /** `kill()` was called; nothing has been signalled yet. */
  onKill?(context: PluginContext<Options>): unknown
  /** The program or the supervisor wrote to stderr; the event `stderr` comes next. */
  onError?(chunk: Buffer, context: PluginContext<Options>): unknown
  /** The container is gone; the event `exit` comes next. */
  onExit?(exit: PluginExit, context: PluginContext<Options>): unknown
  /** A traced sandbox did something. A hook that is slower than the guest misses events and is told how many. */
  onTraceEvent?(event: TraceEvent | GapEvent, context: PluginContext<Options>): unknown
  /** JSON for the guest part; asked each time that the program is loaded. */
  startData?(context: PluginContext<Options>): unknown
}

/** The hooks, or what makes them anew for each sandbox, so that they can share state. */
export type PluginHostPart<Options = unknown> =
  PluginHostHooks<Options> | ((context: PluginContext<Options>) => PluginHostHooks<Options>)

/** What a plugin is to the others. */
export interface PluginManifest {
  readonly name: string
  /** Features besides its own name; no two plugins of a sandbox provide the same. */
  readonly provides: readonly string[]
  /** Names or features of plugins that it cannot be used with. */
  readonly conflicts: readonly string[]
  /** Names or features that must be there; what provides them comes first. */
  readonly depends: readonly string[]
}

/** What `definePlugin` takes. */
export interface PluginDefinition<Schema extends z.ZodType = z.ZodType> {
  readonly name: string
  readonly provides?: readonly string[]
  readonly conflicts?: readonly string[]
  readonly depends?: readonly string[]
  /** Checks the plugin's own options. Without it the plugin takes none. */
  readonly options?: Schema
  readonly host?: PluginHostPart<z.output<Schema>>
  /** A CommonJS file, or a module when it ends in `.mjs`, that exports the hooks of the guest part. */
  readonly guest?: string | URL
}

/** What `definePlugin` makes: to be named in `plugins` of a sandbox. */
export interface Plugin extends PluginManifest {
  /** @internal */
  readonly options: z.ZodType | null
  /** @internal */
  readonly host: PluginHostPart<never> | null
  /** @internal An absolute path. */
  readonly guest: string | null
}
