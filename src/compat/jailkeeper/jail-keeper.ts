/** The class of `jailkeeper` 0.0.28 over a traced sandbox. docs/migrating.md has what differs on purpose. */
import { EventEmitter } from 'node:events'
import { resolve } from 'node:path'
import type { PassThrough } from 'node:stream'
import type { SandboxOptions } from '../../options/index.js'
import { grantsOf, type JailEntry } from './grants.js'
import { JailedCommand, type Jailbreak } from './jailed-command.js'
import { OutputStream } from './output-stream.js'

/** Options of `new JailKeeper`. The object is kept as `jail.options`. */
export interface JailKeeperOptions {
  /** What may be read besides the working folder and the programs: files, folders with all below, expressions. Default none. */
  read?: JailEntry[]
  /** What may be read and written besides. Default none. */
  write?: JailEntry[]
  /** The working folder of the last command; set by `spawn`. */
  cwd?: string
  /** For the sandbox of each command, such as `limits` or `driver`. Default: those of `ContainerSandbox`, on base `host`. */
  sandbox?: SandboxOptions
}

/** Options of `jail.spawn`, as far as `child_process.spawn` has them. */
export interface JailSpawnOptions {
  /** The folder that the command starts in and may use. Default: that of this process. */
  readonly cwd?: string | URL
  /** The environment besides PATH. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly uid?: number
  readonly gid?: number
  /** Runs the command by `/bin/sh`, or by the shell of this name. */
  readonly shell?: boolean | string
  readonly timeout?: number
  readonly signal?: AbortSignal
  readonly killSignal?: NodeJS.Signals
  /** Taken and not used, like every other option: output is always given by `stdout` and `stderr`. */
  readonly [unused: string]: unknown
}

/** The events of a jail. */
export interface JailKeeperEvents {
  /** The command runs and has a `pid`. */
  spawn: []
  /** It touched what it may not; it is being killed. Can come more than once. */
  jailbreak: [jailbreak: Jailbreak]
  /** It has ended, and its output too. */
  exit: [code: number | null, signal: NodeJS.Signals | null]
  /** It could not be run. As with `ChildProcess` it throws when nobody listens; `exit` follows in any case. */
  error: [error: Error]
}

/** Runs commands one after the other in a jail, and tells when one breaks out. */
export class JailKeeper extends EventEmitter<JailKeeperEvents> {
  readonly options: JailKeeperOptions
  readonly stdout = new OutputStream()
  readonly stderr = new OutputStream()
  /** The command that is active, else `null`. */
  childProcess: JailedCommand | null = null
  #last: JailedCommand | null = null

  constructor(options: JailKeeperOptions = {}) {
    super()
    this.options = options
    this.options.read ??= []
    this.options.write ??= []
  }

  /** The number of the last command in its sandbox; `undefined` before it runs. */
  get pid(): number | undefined {
    return this.#last?.pid
  }

  /** What the last command reads; `null` before the first `spawn`. */
  get stdin(): PassThrough | null {
    return this.#last?.stdin ?? null
  }

  /** Of the last command; `null` while it runs, and when a signal ended it. */
  get exitCode(): number | null {
    return this.#last?.exitCode ?? null
  }

  /** What ended the last command, if a signal did. */
  get signalCode(): NodeJS.Signals | null {
    return this.#last?.signalCode ?? null
  }

  /** Sends a signal to the active command. @returns `false` when there is none */
  kill(signal?: NodeJS.Signals | number): boolean {
    return this.childProcess?.kill(signal) ?? false
  }

  /**
   * Starts a command and returns the jail. There is no shell unless `options.shell` asks for one.
   * @throws {Error} while another command is active. {TypeError} for an entry of `read` or `write` that names nothing.
   */
  spawn(command: string, args?: readonly string[] | null, options?: JailSpawnOptions): this
  spawn(command: string, options: JailSpawnOptions): this
  spawn(command: string, second?: readonly string[] | JailSpawnOptions | null, third?: JailSpawnOptions): this {
    if (this.childProcess !== null) {
      throw new Error(
        'This jailer still has an active child process. Please use a different jailer or wait until this one has finished.',
      )
    }
    const args = isArgs(second) ? second : []
    const options = third ?? (isArgs(second) ? {} : (second ?? {}))
    const cwd = resolve(options.cwd === undefined ? process.cwd() : pathOf(options.cwd))
    const env = environmentOf(options.env, cwd)
    const { read = [], write = [] } = this.options
    const grants = grantsOf({ read, write }, cwd, env['PATH'] ?? '')
    this.options.cwd = cwd
    for (const folder of grants.unmounted) {
      const words = `${folder} holds what is mounted by itself, so what else is in it is not there. Name that too.`
      process.emitWarning(words, { code: 'JAILKEEPER_UNMOUNTED' })
    }

    const active = new JailedCommand({
      stdout: this.stdout,
      stderr: this.stderr,
      onSpawn: () => this.emit('spawn'),
      onJailbreak: (jailbreak) => this.emit('jailbreak', jailbreak),
      // Out of reach of the promises in between: one that nobody listens to is thrown like any other.
      onError: (error) => process.nextTick(() => this.emit('error', error)),
    })
    this.childProcess = this.#last = active
    const { uid, gid, timeout, signal, killSignal } = options
    const run = active.run({
      ...argvOf(command, args, options.shell ?? false),
      cwd,
      env,
      asked: { uid, gid },
      spawn: { timeoutMs: timeout || null, signal: signal ?? null, killSignal: killSignal ?? 'SIGTERM' },
      grants,
      sandbox: this.options.sandbox ?? {},
    })
    void run.then(() => process.nextTick(() => this.#ended(active)))
    return this
  }

  #ended(active: JailedCommand): void {
    this.childProcess = null
    this.stdout.emit('end')
    this.stderr.emit('end')
    this.emit('exit', active.exitCode, active.signalCode)
  }
}

function isArgs(value: unknown): value is readonly string[] {
  return Array.isArray(value)
}

function pathOf(cwd: string | URL): string {
  return typeof cwd === 'string' ? cwd : decodeURIComponent(cwd.pathname)
}

/** HOME and the like are the sandbox's: without them bash looks itself up in `/etc/passwd`, which would be a jailbreak. */
function environmentOf(given: JailSpawnOptions['env'], cwd: string): Record<string, string> {
  const all = { PATH: process.env['PATH'], HOME: cwd, ...given }
  return Object.fromEntries(Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== undefined))
}

function argvOf(file: string, args: readonly string[], shell: boolean | string) {
  if (shell === false) return { file, args }
  return { file: shell === true ? '/bin/sh' : shell, args: ['-c', [file, ...args].join(' ')] }
}
