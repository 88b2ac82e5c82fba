/** The product's one class: a façade. Each method hands on to the part that does the work. */
import { EventEmitter } from 'node:events'
import type { ContainerUsage } from '../driver/driver.js'
import type { LockupError, SandboxError, SandboxExitedError } from '../errors.js'
import {
  parseArgv,
  parseCommandOptions,
  parseReloadOptions,
  parseSandboxOptions,
  parseSpawnOptions,
  type CallOptions,
  type CommandOptions,
  type ReloadOptions,
  type LoginOptions,
  type SandboxOptions,
  type SpawnOptions,
} from '../options/index.js'
import { SandboxTrace, type Violation } from '../trace/index.js'
import { resolveLogin } from '../users/index.js'
import { tellRun, tellSpawn } from './command-telemetry.js'
import { SandboxFileSystem } from './file-system.js'
import { createSandboxId } from './launch.js'
import { Lifecycle } from './lifecycle.js'
import { followCommand, runRequest, spawnRequest, superviseCommand, type CommandResult } from './run-command.js'
import { callAction } from './program-actions.js'
import type { SandboxProcess } from './sandbox-process.js'
import type { SandboxRpc } from './sandbox-rpc.js'
import { sharedServices } from './services.js'
import type { SandboxState } from './state.js'
import type { IsolationReport } from './verify.js'

/** The events of a sandbox and what their listeners are given. */
export interface SandboxEvents {
  /** The program is loaded; everything can be called. */
  ready: []
  /** The container is gone. `error` tells why. */
  exit: [exitCode: number | null, signal: NodeJS.Signals | null, error: SandboxExitedError]
  /** What the program printed. */
  stdout: [chunk: Buffer]
  /** What the program, or the supervisor itself, wrote to stderr. */
  stderr: [chunk: Buffer]
  /** An automatic ping was answered, in milliseconds. */
  ping: [latencyMs: number]
  /** The supervisor (`details.target` `'shovel'`) or the program did not answer. A silent supervisor ends the sandbox. */
  lockup: [error: LockupError]
  /** A traced guest did what its policy does not allow. With `onViolation: 'kill'` it is being killed already. */
  jailbreak: [violation: Violation]
  /** What the methods file sent with `process.send`. Guest data: anything that JSON can hold. */
  message: [message: unknown]
  /**
   * Why a ready sandbox is ended, where an error is the cause, and what it outlives, such as the end of its program. Emitted only
   * when somebody listens; `exit` always follows an end.
   */
  error: [error: SandboxError]
}

/** Who a sandbox runs as. */
export interface SandboxUser {
  /** `null` for an anonymous sandbox. */
  readonly name: string | null
  readonly uid: number
  readonly gid: number
}

/** One sandbox: a hardened container and the conversation with it. */
export class ContainerSandbox extends EventEmitter<SandboxEvents> implements AsyncDisposable {
  /** Methods that the program may call, and calls to the program. Methods can be exposed before `start()`. */
  readonly rpc: SandboxRpc
  /** Files of the guest. */
  readonly fs: SandboxFileSystem
  /** What trace mode saw. Its methods throw in a sandbox that is not traced. */
  readonly trace: SandboxTrace
  readonly #lifecycle: Lifecycle

  /**
   * Makes a sandbox without starting it, so that methods can be exposed and listeners added first.
   * @throws {InvalidOptionsError} naming every option that is wrong.
   */
  constructor(options: SandboxOptions = {}) {
    super()
    const resolved = parseSandboxOptions(options)
    this.#lifecycle = new Lifecycle(createSandboxId(), resolved, sharedServices(resolved), {
      ready: () => this.emit('ready'),
      exit: (exitCode, signal, error) => this.emit('exit', exitCode, signal, error),
      stdout: (chunk) => this.emit('stdout', chunk),
      stderr: (chunk) => this.emit('stderr', chunk),
      ping: (latencyMs) => this.emit('ping', latencyMs),
      lockup: (error) => this.emit('lockup', error),
      jailbreak: (violation) => this.emit('jailbreak', violation),
      message: (message) => this.emit('message', message),
      error: (error) => this.listenerCount('error') > 0 && this.emit('error', error),
    })
    this.rpc = this.#lifecycle.program.rpc
    this.trace = new SandboxTrace(() => this.#lifecycle.launched?.trace ?? null)
    this.fs = new SandboxFileSystem(() => this.#lifecycle.session)
  }

  /** Makes and starts a sandbox; resolves when it is ready. @throws as the constructor and {@link start} do. */
  static async create(options: SandboxOptions = {}): Promise<ContainerSandbox> {
    const sandbox = new ContainerSandbox(options)
    await sandbox.start()
    return sandbox
  }

  /**
   * Checks a name and a password, then makes and starts a sandbox of that user: with the mapped uid and the home of the account.
   * @throws {LoginFailedError} whatever is wrong with name or password, in the same words and the same time.
   * {@link LoginUnavailableError} {@link UserError} {@link HomeError}; as {@link create} does.
   */
  static async login(options: LoginOptions): Promise<ContainerSandbox> {
    return ContainerSandbox.create((await resolveLogin(options)).options)
  }

  /**
   * Starts the sandbox. Resolves when the container runs as asked, the supervisor answers and the program is loaded.
   * On any failure nothing is left behind.
   * @throws {EngineUnavailableError} {@link EngineRequestError} {@link ImageError} {@link HomeError} {@link UserError}
   * {@link PolicyMismatchError} {@link ProgramError} {@link StartupError} {@link ProtocolError}
   * {@link TraceUnavailableError} {@link JailbreakError} {@link PluginError} {@link HostFileError} {@link InvalidOptionsError} for a mount
   */
  start(): Promise<void> {
    return this.#lifecycle.start()
  }

  /** This sandbox's own id, which its container carries as a label. */
  get id(): string {
    return this.#lifecycle.id
  }

  /** The engine's id of the container; `null` before it exists. */
  get containerId(): string | null {
    return this.#lifecycle.launched?.container.id ?? null
  }

  /** Who the sandbox runs as; `null` before `start()` has decided it. */
  get user(): SandboxUser | null {
    const identity = this.#lifecycle.launched?.identity
    return identity === undefined ? null : { name: identity.name, uid: identity.uid, gid: identity.gid }
  }

  get state(): SandboxState {
    return this.#lifecycle.state
  }

  /** Every command of `run`, `shell` and `spawn` that has not ended. Empty when the sandbox does not run. */
  get running(): readonly SandboxProcess[] {
    return this.state === 'ready' ? this.#lifecycle.session.commands.running : []
  }

  /**
   * Runs a command to its end. A failing command is a result, not an exception.
   * @throws {SandboxExitedError} when the sandbox is gone. {@link CommandFailedError} with `check: true`.
   */
  run(
    file: string,
    args: readonly string[],
    options: CommandOptions & { readonly encoding: 'buffer' },
  ): Promise<CommandResult<Buffer>>
  run(file: string, args?: readonly string[], options?: CommandOptions): Promise<CommandResult<string>>
  async run(file: string, args: readonly string[] = [], options: CommandOptions = {}): Promise<CommandResult> {
    const parsed = parseCommandOptions(options, this.#lifecycle.options.limits)
    const request = runRequest(parseArgv(file, args), parsed)
    const { killGraceMs } = this.#lifecycle.options.timeouts
    return tellRun(this.id, file, async () => followCommand(this.#lifecycle.spawn(request), parsed, killGraceMs))
  }

  /** `run()` of a script by the base's `/bin/sh`. */
  shell(script: string, options: CommandOptions & { readonly encoding: 'buffer' }): Promise<CommandResult<Buffer>>
  shell(script: string, options?: CommandOptions): Promise<CommandResult<string>>
  shell(script: string, options: CommandOptions = {}): Promise<CommandResult> {
    return this.run('/bin/sh', ['-c', script], options)
  }

  /**
   * Starts a command and returns at once, as `child_process.spawn` does. Its output is not cut; reading it slowly slows
   * the command down.
   * @throws {SandboxExitedError} when the sandbox is gone. {@link InvalidOptionsError}
   */
  spawn(file: string, args: readonly string[] = [], options: SpawnOptions = {}): SandboxProcess {
    const parsed = parseSpawnOptions(options, this.#lifecycle.options.limits)
    const request = spawnRequest(parseArgv(file, args), parsed)
    return tellSpawn(this.id, file, () => {
      const child = this.#lifecycle.spawn(request)
      const { stop, intervention } = superviseCommand(child, parsed, this.#lifecycle.options.timeouts.killGraceMs)
      return { child: child.once('close', stop), intervention }
    })
  }

  /**
   * Calls a function of the methods file by its name. The call waits until the file is loaded.
   * @param data - the one argument of the function; JSON
   * @returns what the function returns, or what the promise that it returns resolves to
   * @throws {RpcError} what the function threw; with `rpcCode` −32601 when there is no such action.
   * {@link CallTimeoutError} after `timeoutMs` (default `timeouts.callMs`). {@link ProgramError} {@link SandboxExitedError} when
   * the program or the sandbox ends first. The signal's reason when it aborts.
   */
  action<Result = unknown>(name: string, data?: unknown, options?: CallOptions): Promise<Result> {
    return callAction<Result>(this.#lifecycle.program, name, data, options)
  }

  /**
   * Ends the program's process and starts it anew in the living sandbox, from the same files or from others, read anew. What
   * the host exposes stays. Calls that are pending reject with a `ProgramError`; calls made meanwhile wait. Reloads follow each
   * other. When the new program cannot be loaded, none runs and the sandbox lives on.
   * @param change - the path of another program, or of other files; `null` for none
   * @throws {ProgramError} a file cannot be read, and then the old program goes on; or it cannot be loaded. {@link StartupError}
   * it was not loaded within `timeouts.startupMs`. {@link InvalidStateError} the sandbox is not ready, or there is no program.
   */
  async reload(change: string | ReloadOptions = {}): Promise<void> {
    return this.#lifecycle.program.reload(parseReloadOptions(change))
  }

  /** Asks the supervisor for a sign of life. @returns the round trip in milliseconds. */
  ping(): Promise<number> {
    return this.#lifecycle.ping()
  }

  /** Memory, processor time and processes as the engine counts them. */
  async usage(): Promise<ContainerUsage> {
    return this.#lifecycle.session.container.usage()
  }

  /** What is really in force, read back anew from the engine and the kernel. @throws {PolicyMismatchError} */
  isolation(): Promise<IsolationReport> {
    return this.#lifecycle.verify()
  }

  /** Ends the sandbox: first asked, after `timeouts.killGraceMs` by force. Idempotent. Resolves when the container is gone. */
  kill(): Promise<void> {
    return this.#lifecycle.kill()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill()
  }
}
