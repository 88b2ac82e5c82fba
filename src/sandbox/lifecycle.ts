/**
 * The life of one sandbox: starts it, hands out what works while it lives, ends it.
 *
 * The order of a start: identity, image, container (`launch.ts`), then what is in it (`startup.ts`). Whatever fails on
 * the way ends the container, and the error that is thrown is the first one.
 */
import {
  InvalidStateError,
  JailbreakError,
  ProgramError,
  SandboxError,
  SandboxExitedError,
  type LockupError,
} from '../errors.js'
import { RpcPeer } from '../protocol/index.js'
import type { ContainerExit } from '../driver/driver.js'
import type { ResolvedSandboxOptions } from '../options/index.js'
import type { Violation } from '../trace/index.js'
import type { ExitReport, SpawnRequest } from './commands.js'
import { signalName } from './ending.js'
import { askToEnd } from './graceful-end.js'
import { launchContainer, type LaunchedContainer } from './launch.js'
import { LockupWatch } from './lockup-watch.js'
import { connectProgram, readProgram, type ProgramLink, type ProgramSource, type RunningProgram } from './program.js'
import type { SandboxProcess } from './sandbox-process.js'
import { SandboxRpc } from './sandbox-rpc.js'
import type { SandboxServices } from './services.js'
import { Session } from './session.js'
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
  error(error: SandboxError): void
}

/** One sandbox from its options to the end of its container: every state change goes through here. */
export class Lifecycle {
  readonly id: string
  readonly options: ResolvedSandboxOptions
  readonly rpc: SandboxRpc
  state: SandboxState = 'created'
  launched: LaunchedContainer | null = null
  isolation: IsolationReport | null = null

  readonly #services: SandboxServices
  readonly #events: LifecycleEvents
  readonly #programPeer: RpcPeer
  readonly #abort = new AbortController()
  #programLink: ProgramLink | null = null
  #session: Session | null = null
  #program: RunningProgram | null = null
  #watch: LockupWatch | null = null
  #exitError: SandboxExitedError | null = null
  #starting: Promise<void> | null = null
  #killing: Promise<void> | null = null

  constructor(id: string, options: ResolvedSandboxOptions, services: SandboxServices, events: LifecycleEvents) {
    this.id = id
    this.options = options
    this.#services = services
    this.#events = events
    this.#programPeer = new RpcPeer({
      send: (message) => this.#programLink?.send(message),
      queuedBytes: () => this.#programLink?.queuedBytes ?? 0,
      onViolation: (violation) => this.#session?.channel.fail(violation),
    })
    this.rpc = new SandboxRpc(this.#programPeer, options.timeouts.callMs)
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
    this.#starting ??= this.#start()
    return this.#starting
  }

  async #start(): Promise<void> {
    if (this.state === 'exited' || this.state === 'stopping') throw this.#exitError ?? killedBeforeStart()
    this.#move('start')
    const { signal } = this.options
    const startup = signal === null ? this.#abort.signal : AbortSignal.any([signal, this.#abort.signal])
    signal?.addEventListener('abort', () => void this.kill(), { once: true, signal: this.#abort.signal })
    try {
      signal?.throwIfAborted()
      const program = this.options.program === null ? null : await readProgram(this.options.program)
      this.launched = await launchContainer(this.id, this.options, this.#services, startup)
      await this.#bringUp(this.launched, program, startup)
      if (this.state !== 'starting') throw this.#exitError ?? killedBeforeStart()
    } catch (error) {
      await this.#abandon()
      throw startFailure(error, this.#session)
    }
    this.#move('ready')
    this.#watch = this.#openWatch(this.session)
    this.rpc.opened(this.#program !== null)
    this.#events.ready()
  }

  async #bringUp(launched: LaunchedContainer, program: ProgramSource | null, signal: AbortSignal): Promise<void> {
    const { container, trace } = launched
    const hooks = {
      onStderr: (chunk: Buffer) => this.#events.stderr(chunk),
      onProgramExit: (exit: ExitReport) => this.#onProgramExit(exit),
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
    if (program !== null) this.#programLink = connectProgram(session.channel, this.#programPeer)
    await bringUp({
      session,
      launched,
      options: this.options,
      program,
      programPeer: this.#programPeer,
      signal,
      onVerified: (report) => (this.isolation = report),
      onProgram: (running) => this.#followProgram(running),
    })
    // It may have broken the protocol right behind its last good word.
    if (session.ending) throw await session.ended
  }

  #followProgram(program: RunningProgram): void {
    this.#program = program
    program.stdout.on('data', (chunk: Buffer) => this.#events.stdout(chunk))
    program.stderr.on('data', (chunk: Buffer) => this.#events.stderr(chunk))
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

  /** A silent program is reported and left to the listener; a silent supervisor means that nothing works: it ends. */
  #openWatch(session: Session): LockupWatch {
    return new LockupWatch({
      timeouts: this.options.timeouts,
      control: session.channel.control,
      program: this.#program === null ? null : this.#programPeer,
      onPing: (latencyMs) => this.#events.ping(latencyMs),
      onLockup: (target, error) => {
        this.#events.lockup(error)
        if (target === 'shovel') session.end({ reason: 'lockup', error })
      },
    })
  }

  #onProgramExit({ exitCode, signal: number, oomKills }: ExitReport): void {
    const signal = signalName(number)
    const how = signal === null ? `exit code ${exitCode}` : `signal ${signal}`
    const why = oomKills > 0 && exitCode !== 0 ? ', the kernel killed a process for memory' : ''
    const error = new ProgramError(`the program ended (${how}${why})`, { details: { exitCode, signal, oomKills } })
    this.#program = null
    this.#watch?.stopTarget('program')
    // A program that is asked to end with its sandbox: what is pending is told how the sandbox ended.
    if (this.state === 'stopping') return
    this.rpc.closed(error)
    if (this.state === 'ready') this.#events.error(error)
  }

  /** Ends the sandbox: programs and commands are asked first, then forced. Idempotent; never rejects. */
  kill(): Promise<void> {
    this.#killing ??= this.#kill()
    return this.#killing
  }

  async #kill(): Promise<void> {
    const wasStarting = this.state === 'starting'
    this.#move('stop')
    this.#watch?.stop()
    if (wasStarting) {
      this.#abort.abort(killedBeforeStart())
      await this.#starting?.catch(() => undefined)
      return
    }
    const session = this.#session
    if (session === null) return this.#finish(killedBeforeStart(), null)
    await askToEnd(session, this.#program, this.options.timeouts.killGraceMs)
    session.end({ reason: 'killed' })
    await session.ended
  }

  async #abandon(): Promise<void> {
    const session = this.#session
    if (session !== null) {
      session.end({ reason: this.state === 'stopping' ? 'killed' : 'startup' })
      await session.ended
    } else this.#finish(killedBeforeStart(), null)
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
    this.#watch?.stop()
    this.#abort.abort(error)
    this.rpc.closed(error)
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

function killedBeforeStart(): SandboxExitedError {
  return new SandboxExitedError('the sandbox is gone: it was killed before it was ready', {
    exitCode: null,
    signal: null,
    reason: 'killed',
  })
}
