/**
 * What plugins of the old form extend: `ParentHooks` on the host, `ShovelHooks` in the sandbox. Every hook does nothing.
 *
 * They are functions and no classes: old plugins call them with `ParentHooks.call(this, …)` and inherit by `util.inherits`.
 */
import type { PluginManager } from './plugin-manager.js'

/** A plugin's half on the host. */
export interface ParentHooks {
  _options: unknown
  _sandbox: unknown
  _manager: PluginManager
  /** What the other half is started with; JSON, set in the constructor. */
  startData: unknown
  /** The sandbox was started. */
  onSpawn(process: unknown): void
  /** `kill()` was called; the signal comes next. */
  onKill(): void
  /** The program wrote to stderr. */
  onError(chunk: Buffer): void
  /** The program ended; `exit` comes next. */
  onExit(code: number | null, signal: NodeJS.Signals | null): void
}

/** A plugin's half in the sandbox. */
export interface ShovelHooks {
  _startData: unknown
  _exposedObject: unknown
  _manager: PluginManager
  /** The program's file was read and is run next. */
  onAfterLoad(source: Buffer): void
  /** The program's synchronous part has run. */
  onExecute(): void
  /** The program's file could not be read. */
  onLoadError(error: Error): void
}

/** A function that is called with `new`, or on an instance of what inherits from it. */
export interface HooksConstructor<Hooks> {
  new (options: unknown, parentObject: unknown, manager: PluginManager): Hooks
  (this: object, options: unknown, parentObject: unknown, manager: PluginManager): void
  readonly prototype: Hooks
}

/** `_base` on the host. */
export const ParentHooks = baseHooks<ParentHooks>(
  function (this: object, options, sandbox, manager) {
    Object.assign(this, { _options: options, _sandbox: sandbox, _manager: manager, startData: {} })
  },
  ['onSpawn', 'onKill', 'onError', 'onExit'],
)

/** `_base` in the sandbox. */
export const ShovelHooks = baseHooks<ShovelHooks>(
  function (this: object, startData, exposedObject, manager) {
    Object.assign(this, { _startData: startData, _exposedObject: exposedObject, _manager: manager })
  },
  ['onAfterLoad', 'onExecute', 'onLoadError'],
)

function baseHooks<Hooks>(
  construct: (this: object, options: unknown, parentObject: unknown, manager: PluginManager) => void,
  hooks: readonly string[],
): HooksConstructor<Hooks> {
  for (const hook of hooks) {
    Object.defineProperty(construct.prototype, hook, { value: () => undefined, writable: true, configurable: true })
  }
  return construct as unknown as HooksConstructor<Hooks>
}
