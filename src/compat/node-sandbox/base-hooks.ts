/** What plugins of the old form extend: `ParentHooks` on the host, `ShovelHooks` in the sandbox. Every hook does nothing. */
import type { PluginManager } from './plugin-manager.js'

/** A plugin's half on the host. */
export class ParentHooks {
  readonly _options: unknown
  readonly _sandbox: unknown
  readonly _manager: PluginManager
  /** What the other half is started with; JSON, set in the constructor. */
  startData: unknown = {}

  constructor(options: unknown, sandbox: unknown, manager: PluginManager) {
    this._options = options
    this._sandbox = sandbox
    this._manager = manager
  }

  /** The sandbox was started. */
  onSpawn(_process: unknown): void {}
  /** `kill()` was called; the signal comes next. */
  onKill(): void {}
  /** The program wrote to stderr. */
  onError(_chunk: Buffer): void {}
  /** The program ended; `exit` comes next. */
  onExit(_code: number | null, _signal: NodeJS.Signals | null): void {}
}

/** A plugin's half in the sandbox. */
export class ShovelHooks {
  readonly _startData: unknown
  readonly _exposedObject: unknown
  readonly _manager: PluginManager

  constructor(startData: unknown, exposedObject: unknown, manager: PluginManager) {
    this._startData = startData
    this._exposedObject = exposedObject
    this._manager = manager
  }

  /** The program's file was read and is run next. */
  onAfterLoad(_source: Buffer): void {}
  /** The program's synchronous part has run. */
  onExecute(_script: unknown): void {}
  /** The program's file could not be read. */
  onLoadError(_error: Error): void {}
}
