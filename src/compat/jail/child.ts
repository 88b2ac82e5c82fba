/**
 * What stands where the child process was: a sandbox that is started when the login has succeeded.
 *
 * Before that there is nothing that an action could run in. The order of the old package, where the process that checked the
 * password also ran the methods, let whoever had not logged in call them as root.
 */
import { EventEmitter } from 'node:events'
import { InvalidOptionsError, InvalidStateError, LoginFailedError, ProgramError, RpcError } from '../../errors.js'
import { guestFile } from '../../image/package-files.js'
import { JsonRpcErrorCode } from '../../protocol/index.js'
import { ContainerSandbox } from '../../sandbox/container-sandbox.js'
import { resolveLogin } from '../../users/index.js'
import { failureOf, successOf } from './login-result.js'
import { DEFAULT_PERMISSIONS, type JailArgs, type JailOptions } from './options.js'

/** The events of the child; those of `ChildProcess` of the same names. */
export interface JailChildEvents {
  /** The result of the login, then what methods send. */
  message: [message: unknown]
  exit: [code: number | null, signal: NodeJS.Signals | null]
  close: [code: number | null, signal: NodeJS.Signals | null]
  /** Listening keeps failures from becoming warnings of the process. */
  error: [error: Error]
}

/** What the jail is told. */
export interface JailChildHooks {
  succeeded(result: ReturnType<typeof successOf>): void
  failed(result: ReturnType<typeof failureOf>, error: unknown): void
  message(message: unknown): void
  error(error: Error): void
}

type State = 'login' | 'jailed' | 'failed' | 'ending' | 'ended'

const WHY: Readonly<Record<Exclude<State, 'jailed'>, string>> = {
  login: 'the login has not succeeded yet',
  failed: 'the login has failed',
  ending: 'the jail is being ended',
  ended: 'the jail has ended',
}

/** The jailed process, as far as a `ChildProcess` of old code is used. */
export class JailChild extends EventEmitter<JailChildEvents> {
  /** There is no process of this host. */
  readonly pid = undefined
  /** Whether `kill()` was called. */
  killed = false
  exitCode: number | null = null
  signalCode: NodeJS.Signals | null = null
  readonly #hooks: JailChildHooks
  readonly #abort = new AbortController()
  #state: State = 'login'
  #sandbox: ContainerSandbox | null = null
  #ending: readonly [code: number | null, signal: NodeJS.Signals | null] | null = null

  /** Begins the login at once. */
  constructor(args: JailArgs, options: JailOptions, hooks: JailChildHooks) {
    super()
    this.#hooks = hooks
    void this.#jail(args, options)
  }

  /** Whether actions are taken. */
  get connected(): boolean {
    return this.#state === 'jailed'
  }

  /** Calls an action. Never throws: what cannot be called is told as an error. @returns whether it was called */
  send({ action, data }: { readonly action: unknown; readonly data: unknown }): boolean {
    if (this.#state !== 'jailed' || this.#sandbox === null) {
      const why = this.#state === 'jailed' ? WHY.ended : WHY[this.#state]
      this.#hooks.error(new InvalidStateError(`the action was not called: ${why}`, { details: { state: this.#state } }))
      return false
    }
    if (typeof action !== 'string' || action === '') {
      this.#hooks.error(
        new InvalidOptionsError('jailed() takes an object whose member `action` is the name of a method'),
      )
      return false
    }
    const call = async (sandbox: ContainerSandbox): Promise<unknown> =>
      sandbox.action(action, JSON.parse(JSON.stringify(data ?? null)))
    call(this.#sandbox).catch((error: unknown) => {
      // What was cut off by the end is told by the event `exit`.
      if (this.#state === 'jailed' && !isAboutResult(error)) this.#hooks.error(error as Error)
    })
    return true
  }

  /** Ends the jail: methods are asked first, then forced. @returns whether there was something to end */
  kill(_signal?: NodeJS.Signals | number): boolean {
    if (this.#state === 'ending' || this.#state === 'ended') return false
    this.killed = true
    this.#state = 'ending'
    this.#ending ??= [null, 'SIGTERM']
    this.#abort.abort()
    if (this.#sandbox === null) this.#ended()
    else void this.#sandbox.kill().then(() => this.#ended())
    return true
  }

  async #jail(args: JailArgs, options: JailOptions): Promise<void> {
    try {
      const { sandbox, user } = await this.#logIn(args, options)
      const early: unknown[] = []
      const keep = (message: unknown): void => void early.push(message)
      sandbox.on('message', keep)
      await sandbox.start()
      sandbox.off('message', keep)
      if (this.#state !== 'login') return
      this.#state = 'jailed'
      sandbox.on('message', (message) => this.#tell(message))
      const result = successOf(user)
      process.nextTick(() => {
        this.emit('message', result)
        this.#hooks.succeeded(result)
        for (const message of early) this.#tell(message)
      })
    } catch (error) {
      this.#sandbox = null
      if (this.#state !== 'login') return
      this.#state = 'failed'
      const result = failureOf(error)
      // In a turn of its own: what a callback throws is no failure of the login.
      process.nextTick(() => {
        this.emit('message', result)
        this.#hooks.failed(result, error)
      })
    }
  }

  async #logIn(args: JailArgs, options: JailOptions) {
    const { username, password } = args
    // Whatever a client sent in their place is as wrong as a wrong password.
    if (typeof username !== 'string' || typeof password !== 'string') throw new LoginFailedError(0)
    const own = options.sandbox?.signal ?? null
    const { user, options: sandboxOptions } = await resolveLogin({
      permissions: [...DEFAULT_PERMISSIONS],
      ...options.sandbox,
      username,
      password,
      directory: options.directory ?? null,
      authenticator: options.authenticator ?? null,
      guard: options.guard ?? null,
      origin: options.origin ?? null,
      methods: options.methodsfile ?? guestFile('jail.cjs'),
      signal: own === null ? this.#abort.signal : AbortSignal.any([own, this.#abort.signal]),
    })
    this.#abort.signal.throwIfAborted()
    const sandbox = new ContainerSandbox(sandboxOptions)
    this.#sandbox = sandbox
    this.#follow(sandbox)
    return { sandbox, user }
  }

  #follow(sandbox: ContainerSandbox): void {
    // The old child had inherited them.
    sandbox.on('stdout', (chunk) => void process.stdout.write(chunk))
    sandbox.on('stderr', (chunk) => void process.stderr.write(chunk))
    sandbox.on('error', (error) => this.#onError(sandbox, error))
    sandbox.on('exit', (code, signal) => {
      if (this.#state !== 'jailed') return
      this.#ending ??= [code, signal]
      this.#ended()
    })
  }

  /** The container outlives the process of the methods; a jail was that process. */
  #onError(sandbox: ContainerSandbox, error: Error): void {
    if (error instanceof ProgramError) {
      const { exitCode, signal } = error.details
      this.#ending ??= [(exitCode as number | undefined) ?? null, (signal as NodeJS.Signals | null | undefined) ?? null]
      this.#state = 'ending'
      void sandbox.kill().then(() => this.#ended())
    }
    this.#hooks.error(error)
  }

  #tell(message: unknown): void {
    this.emit('message', message)
    this.#hooks.message(message)
  }

  #ended(): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.#sandbox = null
    const [code, signal] = this.#ending ?? [null, null]
    this.exitCode = code
    this.signalCode = signal
    process.nextTick(() => {
      this.emit('exit', code, signal)
      this.emit('close', code, signal)
    })
  }
}

/** What a method returns was never looked at; often it is what the last call in it returned, which cannot be sent. */
function isAboutResult(error: unknown): boolean {
  return (
    error instanceof RpcError &&
    error.rpcCode === JsonRpcErrorCode.InternalError &&
    error.message.startsWith('$.result')
  )
}
