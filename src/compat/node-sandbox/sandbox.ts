/** `Sandbox` of the old package: untrusted JavaScript with two-way RPC, now in a container. */
import { EventEmitter } from 'node:events'
import { resolve } from 'node:path'
import type { ContainerSandbox } from '../../sandbox/container-sandbox.js'
import { DuplexStream } from './duplex-stream.js'
import { readGuestParts } from './guest-parts.js'
import type { Link } from './link/link.js'
import { OldRpc } from './link/old-rpc.js'
import { PluginManager } from './plugin-manager.js'
import { Run } from './run.js'
import { completeOptions, type CompleteOptions, type OldSandboxOptions } from './sandbox-options.js'

/** The events of a sandbox. */
export interface OldSandboxEvents {
  /** The program's file was read and is run next. */
  ready: []
  /** The program has ended, and the container is gone. The arguments are new. */
  exit: [code: number | null, signal: NodeJS.Signals | null]
  /** What the program printed. New. */
  stdout: [chunk: Buffer]
  /** What it, or node, wrote to stderr. */
  stderr: [chunk: Buffer]
  /** The program answered an automatic ping; milliseconds. */
  ping: [latencyMs: number]
  /** `Error('Lockup detected')`: not ready in time, or an automatic ping was not answered. Once for each time it gets stuck. */
  lockup: [error: Error]
  /** The sandbox could not be started, or failed by itself. New; without a listener its text is a `stderr` event. */
  error: [error: Error]
}

/** One program, run as often as wanted, each time in a fresh container. */
export class Sandbox extends EventEmitter<OldSandboxEvents> {
  /** Methods for the program and calls to it. It stays the same from run to run, with what is exposed. */
  readonly rpc: OldRpc
  /** The container of the current run; `null` while nothing runs. */
  _process: ContainerSandbox | null = null
  readonly _path: string
  readonly _options: CompleteOptions
  readonly _pluginManager: PluginManager
  readonly #callTimeoutMs: number
  #run: Run | null = null
  #isKilled = false
  #hasRun = false
  #waiting: (() => void)[] = []

  /** @param path the program's file; relative to the working directory. @throws {Error} for plugins that do not fit together. */
  constructor(path: string, options: OldSandboxOptions = {}) {
    super()
    this._path = path
    this._options = completeOptions(options)
    this._pluginManager = new PluginManager(this._options.plugins, 'ParentHooks', this._options.plugins_dir, this)
    const rpc = this._pluginManager.plugins['rpc']?.['startData'] as { readonly call_timeout?: number } | undefined
    this.#callTimeoutMs = rpc?.call_timeout ?? this._options.call_timeout
    this.rpc = new OldRpc({ current: () => this.#loadedLink(), ready: () => this.#readyLink() }, this.#callTimeoutMs)
  }

  /** Starts a container; `ready` follows. @throws {Error} while one runs that was not killed. */
  run(): void {
    if (this.#run !== null && !this.#isKilled) throw new Error('Tried to run Sandbox while already running!')
    const run: Run = new Run(
      {
        path: resolve(this._path),
        options: this._options,
        callTimeoutMs: this.#callTimeoutMs,
        isWatched: 'lockup_detection' in this._pluginManager.plugins,
        guestParts: () => readGuestParts(this._pluginManager),
        answer: (name, params) => this.rpc.answer(name, params),
      },
      {
        ready: () => this.emit('ready'),
        stdout: (chunk) => this.emit('stdout', chunk),
        stderr: (chunk) => this.#stderr(chunk),
        ping: (latencyMs) => this.emit('ping', latencyMs),
        lockup: (error) => this.emit('lockup', error),
        error: (error) => this.#error(error),
        exit: (code, signal) => this.#exited(run, code, signal),
      },
    )
    this.#run = run
    this.#isKilled = false
    this.#hasRun = true
    this._process = run.container
    this.#hook('spawn', [run.container])
    for (const wake of this.#waiting.splice(0)) wake()
  }

  /** Ends the program: by `SIGTERM`, after `kill_with_fire_timeout` by `SIGKILL`. `exit` follows. @throws {Error} when nothing runs. */
  kill(): void {
    if (this.#run === null) throw new Error('Tried to kill Sandbox while not running!')
    this.#hook('kill')
    this.#isKilled = true
    this.#run.kill()
  }

  /** The byte stream to `parentStream` of the program. @throws {Error} when nothing runs. */
  getStream(): DuplexStream {
    if (this.#run === null) throw new Error("Tried to get the stream while the sandbox isn't running!")
    return new DuplexStream(this.#run.stream, this.#run.stream)
  }

  /** Asks the program for a sign of life. @returns the round trip in milliseconds. @throws {Error} before `ready`. */
  ping(): Promise<number> {
    if (this.#run?.isReady !== true) throw new Error('Tried to ping Sandbox while not running!')
    return this.#run.ping()
  }

  #loadedLink(): Link | null {
    return this.#run?.isLoaded === true ? this.#run.container.rpc : null
  }

  /** Before the first run it is waited for; after one has ended nothing can be called until the next. */
  async #readyLink(): Promise<Link> {
    if (this.#run !== null) return this.#run.loaded
    if (this.#hasRun) throw new Error('The sandbox is not running')
    await new Promise<void>((wake) => this.#waiting.push(wake))
    return this.#readyLink()
  }

  #stderr(chunk: Buffer): void {
    this.#hook('error', [chunk])
    this.emit('stderr', chunk)
  }

  #error(error: Error): void {
    if (this.listenerCount('error') > 0) this.emit('error', error)
    else this.emit('stderr', Buffer.from(`${error.name}: ${error.message}\n`))
  }

  #exited(run: Run, code: number | null, signal: NodeJS.Signals | null): void {
    this.#hook('exit', [code, signal])
    // After kill() and run() it is the former one that ends.
    if (this.#run === run) {
      this.#run = null
      this._process = null
    }
    this.emit('exit', code, signal)
  }

  /** What a plugin throws must not keep the sandbox from being ended. */
  #hook(event: string, args?: readonly unknown[]): void {
    try {
      this._pluginManager.call(event, args)
    } catch (error) {
      this.#error(error as Error)
    }
  }
}
