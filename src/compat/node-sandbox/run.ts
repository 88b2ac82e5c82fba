/** One run of a sandbox of the old form: a container from its start to its end, told in the old events. */
import { readFile } from 'node:fs/promises'
import { ProgramError, SandboxExitedError, StartupError } from '../../errors.js'
import { guestFile } from '../../image/package-files.js'
import { ContainerSandbox } from '../../sandbox/container-sandbox.js'
import { LINK, type GuestPart, type Link, type LoadRequest } from './link/link.js'
import { LinkStream } from './link/link-stream.js'
import { permittedModules, sandboxPermissions } from './permitted-modules.js'
import { durationOf, FOR_EVER, timeoutsOf, type CompleteOptions } from './sandbox-options.js'

/** What a run tells. */
export interface RunEvents {
  ready(): void
  exit(code: number | null, signal: NodeJS.Signals | null): void
  stdout(chunk: Buffer): void
  stderr(chunk: Buffer): void
  ping(latencyMs: number): void
  lockup(error: Error): void
  error(error: Error): void
}

/** What a run is started with. */
export interface RunOptions {
  /** The program's file; absolute. */
  readonly path: string
  readonly options: CompleteOptions
  readonly callTimeoutMs: number
  /** Whether the plugin `lockup_detection` is there. */
  readonly isWatched: boolean
  /** Reads what plugins have for the sandbox. */
  readonly guestParts: () => Promise<readonly GuestPart[]>
  /** Answers a call of the program. */
  readonly answer: (name: unknown, params: unknown) => unknown
}

interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

const FORCED: Ending = { code: null, signal: 'SIGKILL' }

/** One container. */
export class Run {
  readonly container: ContainerSandbox
  readonly stream: LinkStream
  /** Resolves when the program has run; rejects when that will not be. */
  readonly loaded: Promise<Link>
  /** The program has run, and can be called. */
  isLoaded = false
  isReady = false
  isEnded = false

  readonly #run: RunOptions
  readonly #events: RunEvents
  readonly #modules: readonly string[]
  #ending: Ending | null = null
  #isPinging = false

  /** Starts at once. */
  constructor(run: RunOptions, events: RunEvents) {
    const { options, isWatched, answer } = run
    this.#run = run
    this.#events = events
    this.#modules = permittedModules(options.permissions)
    this.container = new ContainerSandbox({
      ...options.sandbox,
      // The old package's programs ran until somebody ended them.
      limits: { lifetimeMs: FOR_EVER, ...options.sandbox.limits },
      program: guestFile('node-sandbox.cjs'),
      permissions: sandboxPermissions(this.#modules),
      timeouts: timeoutsOf(options, isWatched),
    })
    const { rpc } = this.container
    this.stream = new LinkStream(async () => Promise.resolve(this.#link))
    rpc.expose(LINK.call, (name: unknown, params: unknown) => answer(name, params))
    rpc.expose(LINK.data, (base64: unknown) => this.stream.receive(base64))
    rpc.expose(LINK.end, () => this.stream.receiveEnd())
    this.loaded = this.#start()
    this.loaded.catch(() => undefined)
  }

  /** Ends it: asked first, then by force. */
  kill(): void {
    const graceMs = this.#run.options.kill_with_fire_timeout
    this.#ending ??= { code: null, signal: 'SIGTERM' }
    const timer = setTimeout(() => (this.#ending = FORCED), durationOf(graceMs))
    void this.container.kill().then(() => clearTimeout(timer))
  }

  /** Asks the program for a sign of life. @returns the round trip in milliseconds. */
  async ping(): Promise<number> {
    const started = performance.now()
    await this.#link.call(LINK.ping, [])
    return performance.now() - started
  }

  get #link(): Link {
    return this.container.rpc
  }

  async #start(): Promise<Link> {
    this.#follow()
    let program: LoadRequest
    try {
      program = await this.#read()
      await this.container.start()
    } catch (error) {
      this.#failed(error as Error)
      throw error
    }
    this.container.once('exit', (code, signal) => this.#end(this.#ending ?? { code, signal }))
    if (program.source !== null) {
      this.isReady = true
      this.#events.ready()
    }
    await this.#link.call(LINK.load, [program])
    this.isLoaded = true
    return this.#link
  }

  async #read(): Promise<LoadRequest> {
    const { path, callTimeoutMs, guestParts } = this.#run
    const request = { filename: path, callTimeoutMs, modules: this.#modules, plugins: await guestParts() }
    try {
      return { ...request, source: await readFile(path, 'utf8'), error: null }
    } catch (error) {
      return { ...request, source: null, error: String(error) }
    }
  }

  #follow(): void {
    const { container } = this
    container.on('stdout', (chunk) => this.#events.stdout(chunk))
    container.on('stderr', (chunk) => this.#events.stderr(chunk))
    container.on('lockup', (cause) => this.#events.lockup(lockup(cause)))
    // The supervisor answered. That it is well says nothing of the program.
    container.on('ping', () => void this.#pingProgram())
    container.on('error', (error) => this.#onError(error))
  }

  async #pingProgram(): Promise<void> {
    if (this.#isPinging) return
    this.#isPinging = true
    try {
      this.#events.ping(await this.ping())
    } catch {
      // What keeps it from answering is told by another event.
    }
    this.#isPinging = false
  }

  /** The container outlives its program; a sandbox of the old form was its program's process. */
  #onError(error: Error): void {
    const ending = error instanceof ProgramError ? endingOf(error.details) : null
    if (ending === null) return this.#events.error(error)
    this.#ending ??= ending
    // What the program wrote last is on its way.
    void this.container
      .ping()
      .catch(() => undefined)
      .then(() => this.container.kill())
  }

  #failed(error: Error): void {
    const isLate = error instanceof StartupError && !(error.cause instanceof SandboxExitedError)
    if (isLate) this.#events.lockup(lockup(error))
    else if (this.#ending === null) this.#events.error(error)
    this.#end(this.#ending ?? { code: null, signal: isLate ? 'SIGKILL' : null })
  }

  #end({ code, signal }: Ending): void {
    if (this.isEnded) return
    this.isEnded = true
    this.stream.destroy()
    this.#events.exit(code, signal)
  }
}

function endingOf({ exitCode, signal }: Readonly<Record<string, unknown>>): Ending | null {
  if (typeof exitCode !== 'number' && typeof signal !== 'string') return null
  return { code: (exitCode as number | undefined) ?? null, signal: (signal as NodeJS.Signals | null) ?? null }
}

function lockup(cause: Error): Error {
  return new Error('Lockup detected', { cause })
}
