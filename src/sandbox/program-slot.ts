/**
 * The place of the program in one sandbox. Its process can end and be started anew while the sandbox lives; what the host
 * exposes stays, and calls that are made meanwhile wait for the next one.
 */
import { InvalidStateError, type LockupError, type SandboxError } from '../errors.js'
import type { ParsedReloadOptions, ResolvedSandboxOptions } from '../options/index.js'
import { MethodTable, type RpcPeer } from '../protocol/index.js'
import { abortable } from './abortable.js'
import type { ExitReport } from './commands.js'
import { endProgram } from './end-program.js'
import { programEnded, programLockedUp, programNeverLoaded, programReloaded } from './program-errors.js'
import { readProgramFiles, type ProgramFiles, type ProgramPaths } from './program-files.js'
import type { GuestPartSource } from './program-plugins.js'
import type { ProgramHome } from './program-home.js'
import { ProgramProcess } from './program.js'
import { RestartBudget } from './restart-budget.js'
import { SandboxRpc } from './sandbox-rpc.js'
import type { Session } from './session.js'
import type { SandboxState } from './state.js'

/** What the place needs of the sandbox around it. */
export interface ProgramSurroundings {
  readonly state: () => SandboxState
  readonly plugins: GuestPartSource
  /** The session of a ready sandbox. @throws {SandboxExitedError} {@link InvalidStateError} */
  readonly session: () => Session
  onStdout(chunk: Buffer): void
  onStderr(chunk: Buffer): void
  onMessage(message: unknown): void
  onError(error: SandboxError): void
  /** The program that is to be watched for lockups; `null` for none. */
  onWatched(peer: RpcPeer | null): void
}

/** Where programs are started. */
export interface ProgramContext {
  readonly session: Session
  readonly env: Readonly<Record<string, string>>
  readonly home: ProgramHome
}

type Options = Pick<ResolvedSandboxOptions, 'program' | 'methods' | 'permissions' | 'timeouts' | 'onLockup'>

/** Starts, ends and restarts the program of one sandbox. */
export class ProgramSlot {
  readonly rpc: SandboxRpc
  readonly #readOptions: () => Options
  readonly #surroundings: ProgramSurroundings
  readonly #methods = new MethodTable()
  readonly #restarts = new RestartBudget()
  #paths: ProgramPaths
  #files: ProgramFiles | null = null
  #context: ProgramContext | null = null
  #process: ProgramProcess | null = null
  #isLoaded = false
  /** What calls go to, or why they cannot; `null`: there never was a program. */
  #callable: RpcPeer | Error | null = null
  /** Changes of the program follow each other. */
  #changing: Promise<unknown> = Promise.resolve()
  #changes = 0

  /** @param options - asked each time: plugins tighten them before the first program is started */
  constructor(options: () => Options, surroundings: ProgramSurroundings) {
    this.#readOptions = options
    this.#surroundings = surroundings
    this.#paths = { program: options().program, methods: options().methods }
    // In a turn of its own: what a listener throws is no answer to the program.
    this.#methods.add('$/message', (message: unknown) => process.nextTick(() => surroundings.onMessage(message)))
    this.rpc = new SandboxRpc(this.#methods, () => this.#options.timeouts.callMs)
  }

  get #options(): Options {
    return this.#readOptions()
  }

  /** The process that runs; `null` for none. */
  get running(): ProgramProcess | null {
    return this.#process
  }

  /** Whether there is a methods file for actions. */
  get hasMethods(): boolean {
    return this.#paths.methods !== null
  }

  /** Reads what {@link start} starts. @throws {ProgramError} @returns whether there is something to start */
  async read(): Promise<boolean> {
    this.#files = await readProgramFiles(this.#paths)
    return this.#files !== null
  }

  /** The container runs: programs can be started in it. */
  enter(context: ProgramContext): void {
    this.#context = context
  }

  /** Starts the first process, when there is something to start. @throws {ProgramError} */
  async start(signal: AbortSignal): Promise<void> {
    if (this.#context !== null && this.#files !== null) await this.#load(this.#context, this.#files, signal)
  }

  /** The sandbox is ready: calls may go. */
  opened(): void {
    const peer = this.#process?.peer ?? null
    if (peer !== null) this.#callable = peer
    this.#surroundings.onWatched(peer)
    this.#tellCalls()
  }

  /** The sandbox is gone. */
  closed(error: Error): void {
    this.rpc.closed(error)
    this.#process?.close(error)
  }

  /** See `ContainerSandbox.reload`. */
  reload(change: ParsedReloadOptions): Promise<void> {
    return this.#change(async () => {
      const { program = this.#paths.program, methods = this.#paths.methods } = change
      const paths = { program, methods }
      const files = await readProgramFiles(paths)
      if (files === null) throw new InvalidStateError('this sandbox has no program to reload: name one')
      this.#paths = paths
      await this.#replace(files, programReloaded())
    })
  }

  /** The program does not answer: with `onLockup: 'restart'` it is started anew, as often as the budget allows. */
  onLockup(lockup: LockupError): void {
    const files = this.#files
    const stuck = this.#process
    if (this.#options.onLockup !== 'restart' || files === null || this.#surroundings.state() !== 'ready') return
    const work = async (): Promise<void> => {
      // A reload can have come first.
      if (this.#process !== stuck) return
      const isAllowed = this.#restarts.take()
      const error = programLockedUp(lockup, isAllowed)
      if (isAllowed) return this.#replace(files, error)
      this.#callable = error
      await this.#end(this.#assertReady().session, error)
      throw error
    }
    this.#change(work).catch((failure: unknown) => {
      if (this.#surroundings.state() === 'ready') this.#surroundings.onError(failure as SandboxError)
    })
  }

  /** From now on calls wait, until the last change that is asked for has been made or has failed. */
  async #change(work: () => Promise<void>): Promise<void> {
    this.#assertReady()
    this.#changes += 1
    this.rpc.waits()
    const change = this.#changing.then(() => this.#assertReady()).then(work)
    this.#changing = change.catch(() => undefined)
    try {
      await change
    } finally {
      this.#changes -= 1
      this.#tellCalls()
    }
  }

  /** In a sandbox that is being ended, calls are told by its end. */
  #tellCalls(): void {
    if (this.#changes > 0 || this.#surroundings.state() !== 'ready') return
    if (this.#callable instanceof Error) this.rpc.closed(this.#callable)
    else this.rpc.opened(this.#callable)
  }

  /** Ends what runs and starts anew; when that fails, nothing runs and calls are told why. */
  async #replace(files: ProgramFiles, why: Error): Promise<void> {
    const context = this.#assertReady()
    const { startupMs } = this.#options.timeouts
    await this.#end(context.session, why)
    const deadline = AbortSignal.timeout(startupMs)
    try {
      this.#assertReady()
      this.#files = files
      await this.#load(context, files, deadline)
      this.#assertReady()
      this.opened()
    } catch (error) {
      const failure = deadline.aborted ? programNeverLoaded(startupMs, error) : error
      this.#callable = failure as Error
      await this.#end(context.session, failure as Error)
      throw failure
    }
  }

  async #load({ session, env, home }: ProgramContext, files: ProgramFiles, signal: AbortSignal): Promise<void> {
    const program = new ProgramProcess({ session, methods: this.#methods, env })
    this.#process = program
    this.#isLoaded = false
    program.stdout.on('data', (chunk: Buffer) => this.#surroundings.onStdout(chunk))
    program.stderr.on('data', (chunk: Buffer) => this.#surroundings.onStderr(chunk))
    void program.exited.then((report) => this.#onExit(program, report))
    const { permissions } = this.#options
    await abortable(signal, program.load({ files, permissions, home, signal, plugins: this.#surroundings.plugins }))
    this.#isLoaded = true
  }

  /** Ends what runs, if anything does. Its pending calls get `error`. */
  async #end(session: Session, error: Error): Promise<void> {
    const program = this.#process
    if (program === null) return
    this.#process = null
    this.#surroundings.onWatched(null)
    program.close(error)
    await endProgram(session, program, this.#options.timeouts.killGraceMs)
  }

  #onExit(program: ProgramProcess, report: ExitReport): void {
    const state = this.#surroundings.state()
    // A program that is asked to end with its sandbox: what is pending is told how the sandbox ended.
    if (this.#process !== program || state === 'stopping') return
    this.#process = null
    this.#surroundings.onWatched(null)
    const error = programEnded(report)
    program.close(error)
    // One that ends while it is loaded is told by whoever loads it.
    if (!this.#isLoaded) return
    this.#callable = error
    this.#tellCalls()
    if (state === 'ready') this.#surroundings.onError(error)
  }

  #assertReady(): ProgramContext {
    this.#surroundings.session()
    if (this.#context !== null && this.#surroundings.state() === 'ready') return this.#context
    throw new InvalidStateError(`the sandbox is being ended (state: ${this.#surroundings.state()})`)
  }
}
