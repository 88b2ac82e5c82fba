/**
 * The host parts of all plugins of one sandbox.
 *
 * Theory of operation. Hooks on the way up (`beforeLaunch`, `onSpawn`, `startData`) run one after the other, and the first
 * failure is what the start of the sandbox fails with. Hooks of a running sandbox and of its end cannot hold anything up
 * for good: what they fail with is an `error` event, once for each hook, since it is the guest that decides how often
 * `onError` and `onTraceEvent` are called. No hook but `beforeLaunch` is called before the container runs.
 */
import type { PluginError, SandboxExitedError } from '../errors.js'
import { parsePluginHooks, type ResolvedPluginEntry, type ResolvedSandboxOptions } from '../options/index.js'
import type { GapEvent, TraceEvent } from '../trace/event.js'
import type { GuestFiles } from './guest-files.js'
import { loadPlugins, type LoadedPlugin } from './load-plugins.js'
import { hookFailure, runHook } from './run-hook.js'
import { tightenOptions } from './tighten.js'
import type { PluginContext, PluginExit, PluginHostHooks, PluginRpc } from './types.js'

/** What the plugins of a sandbox are placed in. */
export interface PluginSurroundings {
  readonly sandboxId: string
  readonly rpc: () => PluginRpc
  readonly kill: () => Promise<void>
  /** A hook failed that nobody waits for. */
  readonly onFailure: (error: PluginError) => void
}

/** What the program's process is given of one plugin. */
export interface GuestPart {
  readonly plugin: string
  readonly provides: readonly string[]
  readonly files: GuestFiles
  readonly startData: unknown
}

/** The events of a sandbox that a hook comes before. */
interface HookedEvents {
  stderr(chunk: Buffer): void
  exit(exitCode: number | null, signal: NodeJS.Signals | null, error: SandboxExitedError): void
}

type Hooks = PluginHostHooks<never>
type HookName = keyof Hooks
type AnyHook = (...args: unknown[]) => unknown

interface Member {
  readonly plugin: LoadedPlugin
  readonly context: PluginContext
  readonly hooks: Hooks
}

/** All plugins of one sandbox, from before its container is made until after it is gone. */
export class PluginHost {
  readonly #entries: readonly ResolvedPluginEntry[]
  readonly #surroundings: PluginSurroundings
  readonly #gone = new AbortController()
  readonly #failed = new Set<string>()
  #members: readonly Member[] = []
  #hookMs: number
  #isSpawned = false
  #reading: Promise<void> = Promise.resolve()
  #closing: Promise<void> = Promise.resolve()

  constructor(options: Pick<ResolvedSandboxOptions, 'plugins' | 'timeouts'>, surroundings: PluginSurroundings) {
    this.#entries = options.plugins
    this.#hookMs = options.timeouts.hookMs
    this.#surroundings = surroundings
  }

  /** Resolves when every hook of the sandbox' end is done or given up. Never rejects. */
  get closed(): Promise<void> {
    return this.#closing
  }

  /** Milliseconds that a hook may take. */
  get hookMs(): number {
    return this.#hookMs
  }

  /**
   * Loads the plugins, puts them in order, and lets each tighten the options.
   * @returns the options that the sandbox is launched with
   * @throws {PluginError} the signal's reason
   */
  async open(options: ResolvedSandboxOptions, signal: AbortSignal): Promise<ResolvedSandboxOptions> {
    if (this.#entries.length === 0) return options
    const plugins = await loadPlugins(this.#entries)
    signal.throwIfAborted()
    this.#members = plugins.map((plugin) => this.#join(plugin))
    let current = options
    for (const member of this.#members) {
      const returned = await this.#call(member, 'beforeLaunch', [current], signal)
      current = tightenOptions(member.plugin.name, current, returned)
      this.#hookMs = current.timeouts.hookMs
    }
    return current
  }

  /** The container runs. @throws {PluginError} the signal's reason */
  async spawned(signal: AbortSignal): Promise<void> {
    this.#isSpawned = true
    for (const member of this.#members) await this.#call(member, 'onSpawn', [], signal)
  }

  /** What goes into the program's process, in order. @throws {PluginError} the signal's reason */
  async guestParts(signal: AbortSignal): Promise<readonly GuestPart[]> {
    const parts: GuestPart[] = []
    for (const member of this.#members) {
      const { name, provides, guest } = member.plugin
      if (guest === null) continue
      const startData = (await this.#call(member, 'startData', [], signal)) ?? {}
      parts.push({ plugin: name, provides, files: guest, startData })
    }
    return parts
  }

  /** Hands the events of a trace to every plugin that wants them, to each at its own pace. */
  follow(trace: { events(): AsyncIterable<TraceEvent | GapEvent> } | null): void {
    if (trace === null) return
    const readers = this.#members.filter(({ hooks }) => 'onTraceEvent' in hooks)
    this.#reading = Promise.all(readers.map((member) => this.#read(member, trace.events()))).then(() => undefined)
  }

  /** `kill()` was called: all hooks together have the time of one. Never rejects. */
  async killing(): Promise<void> {
    if (this.#isSpawned && !this.#gone.signal.aborted) await this.#within(() => this.#callAll('onKill', []))
  }

  /** The same events, each told to the plugins first. */
  beside<Events extends HookedEvents>(events: Events): Events {
    return {
      ...events,
      stderr: (chunk: Buffer) => {
        this.#onStderr(chunk)
        events.stderr(chunk)
      },
      exit: (exitCode: number | null, signal: NodeJS.Signals | null, error: SandboxExitedError) => {
        const tell = (): void => events.exit(exitCode, signal, error)
        this.#gone.abort(error)
        if (!this.#isSpawned || this.#members.length === 0) return tell()
        this.#closing = this.#close({ exitCode, signal, error }).then(tell)
      },
    }
  }

  async #close(exit: PluginExit): Promise<void> {
    // What was seen comes before the end.
    await this.#within(() => this.#reading)
    await this.#within(() => this.#callAll('onExit', [exit]))
  }

  #onStderr(chunk: Buffer): void {
    if (!this.#isSpawned) return
    for (const member of this.#members) {
      if (member.hooks.onError !== undefined) void this.#callSafely(member, 'onError', [chunk])
    }
  }

  async #read(member: Member, events: AsyncIterable<TraceEvent | GapEvent>): Promise<void> {
    for await (const event of events) await this.#callSafely(member, 'onTraceEvent', [event])
  }

  async #callAll(hook: HookName, args: readonly unknown[]): Promise<void> {
    for (const member of this.#members) await this.#callSafely(member, hook, args)
  }

  async #callSafely(member: Member, hook: HookName, args: readonly unknown[]): Promise<void> {
    try {
      await this.#call(member, hook, args)
    } catch (error) {
      this.#report(error as PluginError)
    }
  }

  #report(error: PluginError): void {
    const key = JSON.stringify([error.plugin, error.hook])
    if (this.#failed.has(key)) return
    this.#failed.add(key)
    this.#surroundings.onFailure(error)
  }

  async #call(member: Member, hook: HookName, args: readonly unknown[], signal?: AbortSignal): Promise<unknown> {
    const { plugin, hooks, context } = member
    const work = (hooks as Readonly<Partial<Record<HookName, AnyHook>>>)[hook]
    if (work === undefined) return undefined
    const call = { plugin: plugin.name, hook, deadlineMs: this.#hookMs, ...(signal === undefined ? {} : { signal }) }
    return runHook(call, () => Reflect.apply(work, hooks, [...args, context]))
  }

  /** Waits for several hooks no longer than one may take. What is still to be called then is called all the same. */
  async #within(work: () => Promise<void>): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const over = new Promise<void>((resolve) => (timer = setTimeout(resolve, this.#hookMs)))
    await Promise.race([work(), over])
    clearTimeout(timer)
  }

  #join(plugin: LoadedPlugin): Member {
    const { sandboxId, rpc, kill } = this.#surroundings
    const context = Object.freeze({
      plugin: plugin.name,
      sandboxId,
      options: plugin.options,
      rpc: rpc(),
      signal: this.#gone.signal,
      kill,
    })
    try {
      const made = typeof plugin.host === 'function' ? plugin.host(context as PluginContext<never>) : plugin.host
      return { plugin, context, hooks: made === plugin.host ? made : parsePluginHooks(made) }
    } catch (error) {
      throw hookFailure(plugin.name, 'host', error)
    }
  }
}
