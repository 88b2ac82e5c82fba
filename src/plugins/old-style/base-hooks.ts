/** `_base` of the plugins of old: what `ParentHooks.js` extends. */
import type { OldPluginManager } from './manager.js'

/** The members that every host part of an old-style plugin has. */
export interface ParentHooksMembers {
  _options?: unknown
  _sandbox?: unknown
  _manager?: OldPluginManager
  /** JSON for the guest part; set in the constructor. */
  startData?: unknown
}

/** A function and no class: plugins call it with `BaseParentHooks.call(this, …)`, and classes can extend it too. */
export function BaseParentHooks(
  this: ParentHooksMembers,
  options: unknown,
  sandbox: unknown,
  manager: OldPluginManager,
): void {
  this._options = options
  this._sandbox = sandbox
  this._manager = manager
  this.startData = {}
}

for (const hook of ['onSpawn', 'onKill', 'onError', 'onExit']) {
  Object.defineProperty(BaseParentHooks.prototype, hook, { value: () => undefined, writable: true, configurable: true })
}

/** What such a class is called with. Any of the hooks may be missing: then it is not called. */
export type ParentHooksClass = new (options: unknown, sandbox: unknown, manager: OldPluginManager) => object
