/** The commands of one sandbox: starting them, signalling them, and telling each how it ended. */
import { constants } from 'node:os'
import { RpcError, SpawnError, type SandboxExitedError } from '../errors.js'
import {
  CONTROL_ERROR_SPAWN,
  PROGRAM_STREAM,
  ProtocolViolation,
  describeIssue,
  exitNotificationSchema,
  spawnErrorSchema,
  spawnResultSchema,
} from '../protocol/index.js'
import type { Channel } from './channel.js'
import { signalName } from './ending.js'
import { SandboxProcess, type SignalScope } from './sandbox-process.js'

/** The command id of the first program; commands of `spawn` and `run`, and later programs, count from 1. */
const PROGRAM_COMMAND_ID = 0

/** What a command is started with. */
export interface SpawnRequest {
  readonly file: string
  readonly args: readonly string[]
  readonly cwd: string
  /** The whole environment of the command. */
  readonly env: Readonly<Record<string, string>>
  readonly cpuTimeMs: number | null
  /** Which of its streams are joined to the host; the others are `/dev/null`. */
  readonly stdio: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean }
  /** Bytes kept per output stream; `null` for all. */
  readonly outputBytes: number | null
}

/**
 * How long the end of a command may take whose tree is to be killed. The init needs milliseconds; one that does not report it
 * after this time leaves the caller's deadline without effect.
 */
const TREE_END_MS = 30_000

interface RunningCommand {
  readonly child: SandboxProcess
  /** Settles after `spawn` or `error` was emitted. */
  readonly started: Promise<void>
}

/** How the supervisor inside says that a command ended. */
export type ExitReport = ReturnType<typeof parseExit>

/** Resolves when everything that a command did was seen. Never rejects. */
export type CommandTraced = (commandId: number) => Promise<void>

/** Allots the ids of streams and commands of one sandbox. Ids are never used twice. */
export class StreamIds {
  #next = 2
  next(): number {
    return this.#next++
  }
}

/** The commands of one sandbox: their ids, streams and ends. */
export class Commands {
  readonly #channel: Channel
  readonly #streamIds: StreamIds
  readonly #running = new Map<number, RunningCommand>()
  /** Those whose `close` was not emitted. */
  readonly #open = new Set<SandboxProcess>()
  readonly #traced: CommandTraced | null
  #nextId = PROGRAM_COMMAND_ID + 1
  #hadProgram = false
  #program: { readonly commandId: number; readonly exited: (report: ExitReport) => void } | null = null

  /** @param traced the end of a command is told only after this; `null`: at once */
  constructor(channel: Channel, streamIds: StreamIds, traced: CommandTraced | null = null) {
    this.#channel = channel
    this.#streamIds = streamIds
    this.#traced = traced
  }

  /** Every command that was started and has not ended. */
  get running(): readonly SandboxProcess[] {
    return [...this.#running.values()].map(({ child }) => child)
  }

  /**
   * Starts a command. The process is returned at once; `spawn` or `error` follows.
   * @throws {CapacityError} when too much is running for one more.
   */
  spawn(request: SpawnRequest): SandboxProcess {
    const commandId = this.#nextId
    const { file, args, env, cwd, cpuTimeMs, outputBytes, stdio } = request
    const allot = (wanted: boolean): number | null => (wanted ? this.#streamIds.next() : null)
    const [stdin, stdout, stderr] = [allot(stdio.stdin), allot(stdio.stdout), allot(stdio.stderr)]
    const params = { commandId, file, args, env, cwd, stdin, stdout, stderr, cpuTimeMs, outputBytes }
    const streams = [stdin, stdout, stderr].filter((id) => id !== null)
    const answer = this.#channel.request('spawn', params, streams.length)
    this.#nextId += 1
    const child = new SandboxProcess(
      request,
      {
        stdin: stdin === null ? null : this.#channel.openWritable(stdin),
        stdout: stdout === null ? null : this.#channel.openReadable(stdout),
        stderr: stderr === null ? null : this.#channel.openReadable(stderr),
      },
      (signal, scope) => this.#signal(commandId, signal, scope),
    )
    const started = answer.then(
      (result) => {
        const parsed = spawnResultSchema.safeParse(result)
        if (parsed.success) child.started(parsed.data.pid)
        else this.#channel.fail(new ProtocolViolation('the answer to spawn has another shape'))
      },
      (error: unknown) => this.#failed(commandId, child, request, error),
    )
    this.#running.set(commandId, { child, started })
    this.#open.add(child)
    child.once('close', () => this.#open.delete(child))
    return child
  }

  /** The command id and the channel of the next program's process. */
  allotProgram(): { readonly commandId: number; readonly channel: number } {
    if (this.#hadProgram) return { commandId: this.#nextId++, channel: this.#streamIds.next() }
    this.#hadProgram = true
    return { commandId: PROGRAM_COMMAND_ID, channel: PROGRAM_STREAM }
  }

  /** A program's process was asked for: one exit of it may be reported. @returns a promise for it, which never rejects. */
  programRequested(commandId: number): Promise<ExitReport> {
    return new Promise((exited) => (this.#program = { commandId, exited }))
  }

  /**
   * Handles the supervisor's `exit` notification.
   * @throws {ProtocolViolation} for one that does not run.
   */
  exited(params: unknown): void {
    const report = parseExit(params)
    const running = this.#running.get(report.commandId)
    const program = this.#program
    if (report.commandId === program?.commandId) {
      this.#program = null
      if (this.#traced === null) program.exited(report)
      else void this.#traced(report.commandId).then(() => program.exited(report))
      return
    }
    if (running === undefined) throw new ProtocolViolation(`an exit of command ${report.commandId}, which does not run`)
    this.#running.delete(report.commandId)
    const { child, started } = running
    const exited = (): void => child.exited({ ...report, signal: signalName(report.signal) })
    // A quick command's exit comes in the same piece as the answer to its spawn, which is only told in a later turn.
    if (this.#traced !== null) void Promise.all([started, this.#traced(report.commandId)]).then(exited)
    else if (child.pid === undefined) void started.then(exited)
    else exited()
  }

  /** The sandbox ended: every command is lost that runs, or whose output has not come to its end. */
  lose(error: SandboxExitedError): void {
    this.#running.clear()
    for (const child of this.#open) child.lose(error)
  }

  #signal(commandId: number, signal: number, scope: SignalScope): void {
    this.#channel.signal({ commandId, signal, scope })
    if (scope !== 'tree') return
    const overdue = setTimeout(() => {
      const violation = new ProtocolViolation(`no end of command ${commandId} within ${TREE_END_MS} ms of its kill`)
      if (this.#running.has(commandId)) this.#channel.fail(violation)
    }, TREE_END_MS)
    overdue.unref()
    this.#running.get(commandId)?.child.once('exit', () => clearTimeout(overdue))
  }

  #failed(commandId: number, child: SandboxProcess, request: SpawnRequest, error: unknown): void {
    if (!this.#running.delete(commandId)) return
    const parsed =
      error instanceof RpcError && error.rpcCode === CONTROL_ERROR_SPAWN ? spawnErrorSchema.safeParse(error.data) : null
    const errno = parsed?.success === true ? parsed.data.errno : 'EIO'
    const stage = parsed?.success === true ? parsed.data.stage : 'request'
    const details = { stage, cwd: request.cwd }
    const number = Object.hasOwn(constants.errno, errno)
      ? constants.errno[errno as keyof typeof constants.errno]
      : constants.errno.EIO
    const failure = new SpawnError(errno, request.file, request.args, { cause: error, details })
    // Only one that the supervisor has tried to start shows in a trace.
    if (this.#traced !== null && parsed !== null)
      void this.#traced(commandId).then(() => child.failed(failure, -number))
    else child.failed(failure, -number)
  }
}

function parseExit(params: unknown) {
  const parsed = exitNotificationSchema.safeParse(params)
  if (parsed.success) return parsed.data
  throw new ProtocolViolation(`an exit notification with ${describeIssue(parsed.error)}`)
}
