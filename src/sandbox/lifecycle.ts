/**
 * Starts a sandbox, watches over it and ends it.
 *
 * The order of a start: identity, image, container; then, side by side, the supervisor's first word and the read-back of
 * what is in force; then the program. Only after all of that does guest code run or a call go out. Whatever fails on the
 * way ends the container, and the error that is thrown is the first one.
 */
import {
  InvalidStateError,
  LockupError,
  ProgramError,
  SandboxError,
  SandboxExitedError,
  StartupError,
} from '../errors.js'
import { RpcPeer, printable } from '../protocol/index.js'
import type { ContainerExit } from '../driver/driver.js'
import type { ResolvedSandboxOptions } from '../options/index.js'
import type { SpawnRequest } from './commands.js'
import { connectProgram, readProgram, startProgram, type ProgramSource, type RunningProgram } from './program.js'
import { launchContainer, type LaunchedContainer } from './launch.js'
import type { SandboxServices } from './services.js'
import { LockupDetector } from './lockup-detector.js'
import type { SandboxProcess } from './sandbox-process.js'
import { SandboxRpc } from './sandbox-rpc.js'
import { Session } from './session.js'
import { nextState, type SandboxState, type SandboxTransition } from './state.js'
import { verifyIsolation, type IsolationReport } from './verify.js'

/** Signal number of SIGTERM (signal(7)). */
const SIGTERM = 15

export interface LifecycleEvents {
  ready(): void
  exit(exitCode: number | null, signal: NodeJS.Signals | null, error: SandboxExitedError): void
  stdout(chunk: Buffer): void
  stderr(chunk: Buffer): void
  ping(latencyMs: number): void
  lockup(error: LockupError): void
  error(error: SandboxError): void
}

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
  #sendToProgram: (message: Buffer) => void = () => undefined
  #session: Session | null = null
  #program: RunningProgram | null = null
  #detectors: LockupDetector[] = []
  #exitError: SandboxExitedError | null = null
  #starting: Promise<void> | null = null
  #killing: Promise<void> | null = null

  constructor(id: string, options: ResolvedSandboxOptions, services: SandboxServices, events: LifecycleEvents) {
    this.id = id
    this.options = options
    this.#services = services
    this.#events = events
    this.#programPeer = new RpcPeer({
      send: (message) => this.#sendToProgram(message),
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
      throw this.#startError(error)
    }
    this.#move('ready')
    this.#watch()
    this.rpc.opened(this.#program !== null)
    this.#events.ready()
  }

  async #bringUp(launched: LaunchedContainer, program: ProgramSource | null, startup: AbortSignal): Promise<void> {
    const session = new Session(launched.container, {
      onStderr: (chunk) => this.#events.stderr(chunk),
      onProgramExit: (exit) => this.#onProgramExit(exit.exitCode, exit.signal),
      onEnded: (error, exit) => this.#onEnded(error, exit),
    })
    this.#session = session
    const { startupMs } = this.options.timeouts
    const deadline = AbortSignal.timeout(startupMs)
    const signal = AbortSignal.any([startup, deadline])
    try {
      await abortable(signal, Promise.all([session.supervisorReady, this.#verify(session, launched, signal)]))
      if (program === null) return
      this.#sendToProgram = connectProgram(session.channel, this.#programPeer)
      const { permissions } = this.options
      const start = {
        channel: session.channel,
        peer: this.#programPeer,
        streamIds: session.streamIds,
        program,
        permissions,
        env: launched.env,
        signal,
      }
      await abortable(
        signal,
        startProgram(start, (running) => this.#followProgram(running)),
      )
    } catch (error) {
      if (!deadline.aborted || startup.aborted) throw error
      throw new StartupError(
        `the sandbox was not ready within startupMs (${startupMs} ms): the program never returned from loading, or the engine is overloaded`,
        {
          cause: error,
          retryable: program === null,
        },
      )
    }
  }

  async #verify(session: Session, launched: LaunchedContainer, signal: AbortSignal): Promise<void> {
    this.isolation = await verifyIsolation(
      launched.container,
      session.channel,
      launched.spec,
      session.supervisorReady,
      signal,
    )
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
    return verifyIsolation(session.container, session.channel, launched.spec, session.supervisorReady)
  }

  #watch(): void {
    const { pingIntervalMs, lockupMs } = this.options.timeouts
    if (pingIntervalMs === null) return
    const { control } = this.session.channel
    const watch = (target: 'shovel' | 'program', ping: (timeoutMs: number) => Promise<unknown>): void => {
      const onLockup = (): void => this.#onLockup(target, lockupMs)
      const onPing = target === 'shovel' ? (latencyMs: number) => this.#events.ping(latencyMs) : () => undefined
      this.#detectors.push(new LockupDetector({ pingIntervalMs, lockupMs, ping, onPing, onLockup }))
    }
    watch('shovel', (timeoutMs) => control.call('ping', {}, { timeoutMs }))
    if (this.#program !== null) watch('program', (timeoutMs) => this.#programPeer.call('$/ping', {}, { timeoutMs }))
  }

  /** A silent program is reported and left to the listener; a silent supervisor means that nothing works: it ends. */
  #onLockup(target: 'shovel' | 'program', lockupMs: number): void {
    const error = new LockupError(`Lockup detected: the ${target} did not answer a ping for ${lockupMs} ms`, {
      details: { target },
    })
    this.#events.lockup(error)
    if (target === 'shovel') this.#session?.end({ reason: 'lockup', error })
  }

  #onProgramExit(exitCode: number | null, signal: number | null): void {
    const how = exitCode === null ? `signal ${signal ?? 0}` : `exit code ${exitCode}`
    const error = new ProgramError(`the program ended (${how})`, { details: { exitCode, signal } })
    this.#program = null
    this.#detectors.splice(1).forEach((detector) => detector.stop())
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
    this.#stopWatching()
    if (wasStarting) {
      this.#abort.abort(killedBeforeStart())
      await this.#starting?.catch(() => undefined)
      return
    }
    const session = this.#session
    if (session === null) return this.#finish(killedBeforeStart(), null)
    await this.#askToEnd(session)
    session.end({ reason: 'killed' })
    await session.ended
  }

  async #askToEnd(session: Session): Promise<void> {
    const running = session.commands.running
    const { killGraceMs } = this.options.timeouts
    if (session.ending || killGraceMs === 0 || (running.length === 0 && this.#program === null)) return
    const ends = running.map((child) => new Promise<void>((resolve) => child.once('exit', () => resolve())))
    for (const child of running) child.kill('SIGTERM', 'group')
    if (this.#program !== null) {
      const { stdout } = this.#program
      ends.push(new Promise((resolve) => stdout.once('close', () => resolve())))
      this.#program.signal(SIGTERM)
    }
    const timer = new AbortController()
    const grace = new Promise<void>((resolve) => {
      const timeout = setTimeout(resolve, killGraceMs)
      timer.signal.addEventListener('abort', () => clearTimeout(timeout))
    })
    await Promise.race([Promise.all(ends), grace, session.ended])
    timer.abort()
  }

  async #abandon(): Promise<void> {
    const session = this.#session
    if (session !== null) {
      session.end({ reason: this.state === 'stopping' ? 'killed' : 'startup' })
      await session.ended
    } else this.#finish(killedBeforeStart(), null)
  }

  #startError(error: unknown): unknown {
    if (!(error instanceof SandboxExitedError) || this.#session === null) return error
    if (error.cause instanceof SandboxError) return error.cause
    if (error.reason === 'killed') return error
    const words = printable(this.#session.stderrTail.trim(), 1_000)
    return new StartupError(
      `the sandbox ended while it started: ${error.message}${words === '' ? '' : `; it said: ${words}`}`,
      { cause: error },
    )
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
    this.#stopWatching()
    this.#abort.abort(error)
    this.rpc.closed(error)
    if (wasReady && error.cause instanceof SandboxError) this.#events.error(error.cause)
    this.#events.exit(exit?.exitCode ?? null, exit?.signal ?? null, error)
  }

  #stopWatching(): void {
    for (const detector of this.#detectors.splice(0)) detector.stop()
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

/** Rejects with the signal's reason as soon as it aborts; the work itself is ended by whoever aborts. */
function abortable<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason as Error)
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
