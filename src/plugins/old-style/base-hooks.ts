/** `_base` of the plugins of old: what `ParentHooks.js` extends. */
import type { OldPluginManager } from './manager.js'

/** The host part of an old-style plugin, as its own code sees it. */
export class BaseParentHooks {
  readonly _sandbox: unknown
  readonly _manager: OldPluginManager
  readonly _options: unknown
  /** JSON for the guest part; set in the constructor. */
  startData: unknown = {}

  constructor(options: unknown, sandbox: unknown, manager: OldPluginManager) {
    this._options = options
    this._sandbox = sandbox
    this._manager = manager
  }

  onSpawn(_child: unknown): void {}
  onKill(): void {}
  onError(_chunk: Buffer): void {}
  onExit(_code: number | null, _signal: NodeJS.Signals | null): void {}
}

/** What such a class is called with. Any of the hooks may be missing: then it is not called. */
export type ParentHooksClass = new (options: unknown, sandbox: unknown, manager: OldPluginManager) => object
