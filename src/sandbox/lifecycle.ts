/**
 * The life of one sandbox: starts it, hands out what works while it lives, ends it.
 *
 * The order of a start: identity, image, container (`launch.ts`), then what is in it (`startup.ts`). Whatever fails on
 * the way ends the container, and the error that is thrown is the first one.
 */
import {
  InvalidStateError,
  JailbreakError,
  SandboxError,
  type LockupError,
  type SandboxExitedError,
} from '../errors.js'
import type { ContainerExit } from '../driver/driver.js'
import type { ResolvedSandboxOptions } from '../options/index.js'
import { PluginHost } from '../plugins/index.js'
import type { Violation } from '../trace/index.js'
import type { SpawnRequest } from './commands.js'
import { failedToStart, killedBeforeStart } from './ending.js'
import { askToEnd } from './graceful-end.js'
import { launchContainer, type LaunchedContainer } from './launch.js'
import { LockupWatch } from './lockup-watch.js'
import { ProgramSlot } from './program-slot.js'
import type { SandboxProcess } from './sandbox-process.js'
import { tellEnd, tellStart, type WithinStart } from './sandbox-telemetry.js'
import type { SandboxServices } from './services.js'
import { Session } from './session.js'
import { reasonOfSilence } from './silence.js'
import { bringUp, startFailure, verificationOf } from './startup.js'
import { nextState, type SandboxState, type SandboxTransition } from './state.js'
import { verifyIsolation, type IsolationReport } from './verify.js'

/** What the life of a sandbox tells to the outside. */
export interface LifecycleEvents {
  ready(): void
  exit(exitCode: number | null, signal: NodeJS.Signals | null, error: SandboxExitedError): void
  stdout(chunk: Buffer): void
  stderr(chunk: Buffer): void
  ping(latencyMs: number): void
  lockup(error: LockupError): void
  jailbreak(violation: Violation): void
  message(message: unknown): void
  error(error: SandboxError): void
}

/** One sandbox from its options to the end of its container: every state change goes through here. */
export class Lifecycle {
  readonly id: string
  /** From the start on as plugins have tightened them. */
  options: ResolvedSandboxOptions
  readonly program: ProgramSlot
  state: SandboxState = 'created'
  launched: LaunchedContainer | null = null
  isolation: IsolationReport | null = null

  readonly #services: SandboxServices
  readonly #events: LifecycleEvents
  readonly #plugins: PluginHost
  readonly #abort = new AbortController()
  #session: Session | null = null
  #watch: LockupWatch | null = null
  #exitError: SandboxExitedError | null = null
  #starting: Promise<void> | null = null
  #killing: Promise<void> | null = null

  constructor(id: string, options: ResolvedSandboxOptions, services: SandboxServices, events: LifecycleEvents) {
    this.id = id
    this.options = options
    this.#services = services
    this.#plugins = new PluginHost(options, {
      sandboxId: id,
      rpc: () => this.program.rpc,
      kill: () => this.kill(),
      onFailure: (error) => events.error(error),
    })
    this.#events = this.#plugins.beside(events)
    this.program = new ProgramSlot(() => this.options, {
      plugins: this.#plugins,
      state: () => this.state,
      session: () => this.session,
      onStdout: (chunk) => events.stdout(chunk),
      onStderr: (chunk) => this.#events.stderr(chunk),
      onMessage: (message) => events.message(message),
      onError: (error) => events.error(error),
      onWatched: (peer) => this.#watch?.watchProgram(peer),
    })
  }

  /** The session of a ready sandbox. @throws {SandboxExitedError} {@link InvalidStateError} */
  get session(): Session {
    if (this.#exitError !== null) throw this.#exitError
    if (this.#session === null || this.state === 'created' || this.state === 'starting') {
      throw new InvalidStateError(`the sandbox is not ready (state: ${this.state}): await start() first`)
    }
    return this.#session
  }

  /** Starts the sandbox once. @throws see {@link ContainerSandbox.start} */
  start(): Promise<void> {
    this.#starting ??= tellStart(this, (within) => this.#start(within))
    return this.#starting
  }

  async #start(within: WithinStart): Promise<void> {
    if (this.state === 'exited' || this.state === 'stopping') throw this.#exitError ?? killedBeforeStart()
    this.#move('start')
    const { signal } = this.options
    const startup = signal === null ? this.#abort.signal : AbortSignal.any([signal, this.#abort.signal])
    signal?.addEventListener('abort', () => void this.kill(), { once: true, signal: this.#abort.signal })
    try {
      signal?.throwIfAborted()
      this.options = await this.#plugins.open(this.options, startup)
      const hasProgram = await this.program.read()
      this.launched = await within(() => launchContainer(this.id, this.options, this.#services, startup))
      this.#plugins.follow(this.launched.trace)
      await this.#bringUp(this.launched, { hasProgram, signal: startup, within })
      if (this.state !== 'starting') throw this.#exitError ?? killedBeforeStart()
    } catch (error) {
      await this.#abandon(error)
      throw startFailure(error, this.#session)
    }
    this.#move('ready')
    this.#watch = this.#openWatch(this.session)
    this.program.opened()
    this.#events.ready()
  }

  async #bringUp(
    launched: LaunchedContainer,
    start: { readonly hasProgram: boolean; readonly signal: AbortSignal; readonly within: WithinStart },
  ): Promise<void> {
    const { container, trace } = launched
    const { hasProgram, signal, within } = start
    const hooks = {
      onStderr: (chunk: Buffer) => this.#events.stderr(chunk),
      onEnded: (error: SandboxExitedError, exit: ContainerExit) => this.#onEnded(error, exit),
    }
    const session = new Session(container, hooks, trace)
    this.#session = session
    trace?.follow({
      onViolation: (violation) => this.#events.jailbreak(violation),
      onJailbreak: (error) => session.end({ reason: 'jailbreak', error }),
      onFailure: (error) => session.end({ reason: 'trace', error }),
      onError: (error) => this.#events.error(error),
    })
    session.limitLifetime(this.options.limits.lifetimeMs)
    const { env, identity, homePaths } = launched
    this.program.enter({ session, env, home: { folder: identity.home, paths: homePaths } })
    const onVerified = (report: IsolationReport, deadline: AbortSignal): Promise<void> => {
      this.isolation = report
      return this.#plugins.spawned(deadline)
    }
    const startProgram = hasProgram ? (deadline: AbortSignal) => this.program.start(deadline) : null
    await within(() => bringUp({ session, launched, options: this.options, signal, onVerified, startProgram }))
    // It may have broken the protocol right behind its last good word.
    if (session.ending) throw await session.ended
  }

  /** Starts a command in a ready sandbox; `env` comes on top of the sandbox's own. */
  spawn(request: SpawnRequest): SandboxProcess {
    const { session } = this
    return session.commands.spawn({ ...request, env: { ...this.launched?.env, ...request.env } })
  }

  async ping(): Promise<number> {
    const { control } = this.session.channel
    const started = performance.now()
    await control.call('ping', {}, { timeoutMs: this.options.timeouts.lockupMs })
    return performance.now() - started
  }

  /** Reads back what is in force now. */
  async verify(): Promise<IsolationReport> {
    const { session, launched } = this
    if (launched === null) throw new InvalidStateError('the sandbox was not started')
    return verifyIsolation(verificationOf(session, launched))
  }

  /** A silent program is reported; a silent supervisor means that nothing works: the sandbox ends. */
  #openWatch(session: Session): LockupWatch {
    return new LockupWatch({
      timeouts: this.options.timeouts,
      control: session.channel.control,
      onPing: (latencyMs) => this.#events.ping(latencyMs),
      onLockup: (target, error) => {
        this.#events.lockup(error)
        if (target === 'program') this.program.onLockup(error)
        else void reasonOfSilence(session.container).then((reason) => session.end({ reason, error }))
      },
    })
  }

  /** Ends the sandbox: programs and commands are asked first, then forced. Idempotent; never rejects. */
  kill(): Promise<void> {
    this.#killing ??= this.#kill().then(() => this.#plugins.closed)
    return this.#killing
  }

  async #kill(): Promise<void> {
    const wasStarting = this.state === 'starting'
    this.#move('stop')
    this.#watch?.stop()
    await this.#plugins.killing()
    if (wasStarting) {
      this.#abort.abort(killedBeforeStart())
      await this.#starting?.catch(() => undefined)
      return
    }
    const session = this.#session
    if (session === null) return this.#finish(killedBeforeStart(), null)
    await askToEnd(session, this.program.running, this.options.timeouts.killGraceMs)
    session.end({ reason: 'killed' })
    await session.ended
  }

  async #abandon(error: unknown): Promise<void> {
    const session = this.#session
    const isKilled = this.state === 'stopping'
    if (session !== null) {
      session.end({ reason: isKilled ? 'killed' : 'startup' })
      await session.ended
    } else this.#finish(isKilled ? killedBeforeStart() : failedToStart(error), null)
  }

  #onEnded(error: SandboxExitedError, exit: ContainerExit): void {
    this.#finish(error, exit)
    void this.launched?.identity.release().catch(() => undefined)
  }

  #finish(error: SandboxExitedError, exit: ContainerExit | null): void {
    if (this.state === 'exited') return
    const wasReady = this.isolation !== null && this.state !== 'starting'
    this.#move('gone')
    this.#exitError = error
    if (exit !== null) tellEnd(this, error)
    this.#watch?.stop()
    this.#abort.abort(error)
    this.program.closed(error)
    // What a jailbreak was has been told by an event of its own.
    const { cause } = error
    if (wasReady && cause instanceof SandboxError && !(cause instanceof JailbreakError)) this.#events.error(cause)
    this.#events.exit(exit?.exitCode ?? null, exit?.signal ?? null, error)
  }

  #move(transition: SandboxTransition): void {
    const next = nextState(this.state, transition)
    if (next === null) throw new InvalidStateError(`the sandbox cannot ${transition} in state ${this.state}`)
    this.state = next
  }
}
