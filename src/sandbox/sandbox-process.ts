/** One command in the sandbox, shaped like `ChildProcess` of `node:child_process`. */
import { EventEmitter } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import type { SandboxExitedError, SpawnError } from '../errors.js'
import { signalNumber } from './ending.js'

/** What the supervisor reported about a command that ended. */
export interface CommandReport {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  /** Processor time of the command and all its descendants, in milliseconds. */
  readonly cpuMs: number
  /** The largest resident set of any one process of the command, in bytes. */
  readonly maxRssBytes: number
  /** Descendants that were still there when the command ended; they were killed. */
  readonly leftovers: number
  readonly cause: 'none' | 'cpuTime' | 'treeKilled' | 'supervisorKilled'
  readonly oomKills: number
  /** Bytes that the command wrote, also those beyond the output limit. */
  readonly stdoutBytes: number
  readonly stderrBytes: number
}

/** Whom a signal reaches: the process, its process group, or it and all its descendants (always SIGKILL). */
export type SignalScope = 'process' | 'group' | 'tree'

/** The events of a spawned command, as `ChildProcess` has them. */
export interface SandboxProcessEvents {
  spawn: []
  error: [error: SpawnError]
  exit: [code: number | null, signal: NodeJS.Signals | null]
  close: [code: number | null, signal: NodeJS.Signals | null]
}

/**
 * A running command. Events come in the order of `child_process`: `spawn`, then `exit`, then `close` when the streams
 * have ended as well; or `error`, then `close`, when it could not be started.
 *
 * When the sandbox ends under it, `exit` carries `SIGKILL`, `lost` tells why, and its streams fail with that error.
 */
export class SandboxProcess extends EventEmitter<SandboxProcessEvents> {
  readonly spawnfile: string
  readonly spawnargs: readonly string[]
  readonly stdin: Writable | null
  readonly stdout: Readable | null
  readonly stderr: Readable | null
  /** The process id inside the sandbox; `undefined` until `spawn`. */
  pid: number | undefined
  exitCode: number | null = null
  signalCode: NodeJS.Signals | null = null
  /** `true` after `kill()` was accepted. */
  killed = false
  /** How the sandbox ended under this command, if it did. */
  lost: SandboxExitedError | null = null
  report: CommandReport | null = null
  /** @internal Why it could not be started. */
  failure: SpawnError | null = null

  #ended = false
  #openStreams = 0
  #signal: (signal: number, scope: SignalScope) => void

  /** @internal */
  constructor(
    command: { readonly file: string; readonly args: readonly string[] },
    streams: { readonly stdin: Writable | null; readonly stdout: Readable | null; readonly stderr: Readable | null },
    signal: (signal: number, scope: SignalScope) => void,
  ) {
    super()
    this.spawnfile = command.file
    this.spawnargs = [command.file, ...command.args]
    this.stdin = streams.stdin
    this.stdout = streams.stdout
    this.stderr = streams.stderr
    this.#signal = signal
    for (const stream of [this.stdout, this.stderr]) {
      if (stream === null) continue
      this.#openStreams += 1
      stream.once('close', () => {
        this.#openStreams -= 1
        this.#maybeClose()
      })
    }
  }

  get stdio(): readonly [Writable | null, Readable | null, Readable | null] {
    return [this.stdin, this.stdout, this.stderr]
  }

  /**
   * Sends a signal. The default reaches the process only, as in `child_process`.
   * @param signal - a name or number; default `SIGTERM`.
   * @param scope - `tree` always kills, whatever the signal.
   * @returns `false` when the command has ended. One that is being started gets the signal then.
   */
  kill(signal: NodeJS.Signals | number = 'SIGTERM', scope: SignalScope = 'process'): boolean {
    const number = signalNumber(signal)
    if (number === null) throw new TypeError(`Unknown signal: ${String(signal)}`)
    if (this.#ended) return false
    // As kill(2): signal 0 only asks whether there is somebody.
    if (number === 0) return true
    this.#signal(number, scope)
    this.killed = true
    return true
  }

  /** @internal */
  started(pid: number): void {
    if (this.#ended) return
    this.pid = pid
    this.emit('spawn')
  }

  /** @internal */
  failed(error: SpawnError, code: number): void {
    if (this.#ended) return
    this.#ended = true
    this.failure = error
    this.exitCode = code
    this.stdin?.destroy()
    try {
      this.emit('error', error)
    } finally {
      // Node throws what nobody listens to; the process has ended all the same.
      this.#flush()
      this.#maybeClose()
    }
  }

  /** @internal */
  exited(report: CommandReport): void {
    if (this.#ended) return
    this.report = report
    this.#end(report.exitCode, report.signal)
  }

  /**
   * @internal The sandbox ended, and the channel has failed the streams that had not come to their end: a command that
   * ended before has lost the rest of its output.
   */
  lose(error: SandboxExitedError): void {
    const isCut = [this.stdout, this.stderr].some((stream) => stream?.errored === error)
    if (!this.#ended || isCut) this.lost = error
    if (!this.#ended) this.#end(null, 'SIGKILL')
  }

  #end(code: number | null, signal: NodeJS.Signals | null): void {
    this.#ended = true
    this.exitCode = code
    this.signalCode = signal
    this.stdin?.destroy()
    this.emit('exit', code, signal)
    this.#flush()
    this.#maybeClose()
  }

  /** As `child_process` does: output that nobody has asked for by now is let go, so that `close` comes. */
  #flush(): void {
    process.nextTick(() => {
      for (const stream of [this.stdout, this.stderr])
        if (stream?.readableFlowing === null && stream.listenerCount('readable') === 0) stream.resume()
    })
  }

  #closed = false
  #maybeClose(): void {
    if (!this.#ended || this.#openStreams > 0 || this.#closed) return
    this.#closed = true
    process.nextTick(() => this.emit('close', this.exitCode, this.signalCode))
  }
}
