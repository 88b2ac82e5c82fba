/**
 * One process of the user's program, from its start to its end.
 *
 * Each has a channel of its own, which the supervisor relays, and a peer of its own on it: what an earlier process still
 * sends, or was asked, reaches no later one. The methods that the host exposes outlive it.
 */
import type { Readable } from 'node:stream'
import { ProgramError, RpcError, UnsendableError } from '../errors.js'
import { printable } from '../printable.js'
import {
  CONTROL_ERROR_PROGRAM,
  MessageDecoder,
  ResetCode,
  RpcPeer,
  programErrorSchema,
  type MethodTable,
  type SignalParams,
} from '../protocol/index.js'
import type { ExitReport } from './commands.js'
import { FILE_NAMES, type ProgramFiles } from './program-files.js'
import { loadAmongPlugins, type GuestPartSource } from './program-plugins.js'
import { buildLoadParams, type ProgramHome } from './program-home.js'
import type { Session } from './session.js'

/** What a program's process is started with. */
export interface ProgramStart {
  readonly session: Session
  /** What it may call. */
  readonly methods: MethodTable
  readonly env: Readonly<Record<string, string>>
}

/** What is loaded into the process. */
export interface ProgramLoad {
  readonly files: ProgramFiles
  readonly permissions: readonly string[]
  readonly home: ProgramHome
  readonly plugins: GuestPartSource
  readonly signal: AbortSignal
}

/** A program's process and the conversation with it. */
export class ProgramProcess {
  readonly stdout: Readable
  readonly stderr: Readable
  readonly peer: RpcPeer
  /** Resolves with the report of its end. Never rejects; stays open when the sandbox ends first. */
  readonly exited: Promise<ExitReport>
  /** Resolves when it has ended, or could not be started. Never rejects. */
  readonly gone: Promise<void>
  readonly #session: Session
  readonly #commandId: number
  readonly #started: Promise<unknown>

  /** Asks for the process. @throws {CapacityError} when too much is open or pending. */
  constructor({ session, methods, env }: ProgramStart) {
    this.#session = session
    const { channel, streamIds, commands } = session
    const { commandId, channel: channelId } = commands.allotProgram()
    const [stdout, stderr] = [streamIds.next(), streamIds.next()]
    const request = { commandId, channel: channelId, env, cwd: '/', stdout, stderr, cpuTimeMs: null }
    this.#started = channel.request('program.start', request, 4)
    this.#commandId = commandId
    this.exited = commands.programRequested(commandId)
    this.gone = new Promise((resolve) => {
      this.#started.catch(() => resolve())
      void this.exited.then(() => resolve())
    })
    this.stdout = channel.openReadable(stdout)
    this.stderr = channel.openReadable(stderr)
    const { multiplexer } = channel
    const ignore = { onReset: () => undefined }
    const sender = multiplexer.openSender(channelId, { ...ignore, onWritable: () => undefined })
    this.peer = new RpcPeer({
      methods,
      send: (message) => void sender.write(message),
      queuedBytes: () => sender.queuedBytes,
      onViolation: (violation) => channel.fail(violation),
    })
    const decoder = new MessageDecoder((value, cost) => this.peer.receive(value, cost))
    const receiver = multiplexer.openReceiver(channelId, {
      ...ignore,
      onData(chunk) {
        channel.guard(() => decoder.push(chunk))
        receiver.consumed(chunk.length)
      },
      onEnd: () => undefined,
    })
    void this.gone.then(() => sender.reset(ResetCode.Canceled))
  }

  /**
   * Loads the files into it.
   * @throws {ProgramError} when the process cannot be started, or a file cannot be compiled or throws while it is loaded.
   * {@link PluginError} for a guest part of a plugin.
   */
  async load({ files, permissions, home, plugins, signal }: ProgramLoad): Promise<void> {
    try {
      await this.#started
      const params = await buildLoadParams(files, permissions, home)
      const { peer } = this
      const source = (files.program ?? files.methods)?.source ?? ''
      await loadAmongPlugins({ peer, plugins, source, signal }, () => peer.call('$/load', params, { signal }))
    } catch (error) {
      if (error instanceof UnsendableError) throw new ProgramError(`the files are too large: ${error.message}`)
      throw error instanceof RpcError ? loadFailure(error, files) : error
    }
  }

  /** Sends a signal to its process group, or SIGKILL to everything that it started. */
  signal(signal: number, scope: SignalParams['scope']): void {
    this.#session.channel.signal({ commandId: this.#commandId, signal, scope })
  }

  /** Its calls and those to it are over; the latter reject with `error`. The process is ended by whoever closes. */
  close(error: Error): void {
    this.peer.close(error)
  }
}

function loadFailure(error: RpcError, files: ProgramFiles): ProgramError {
  const parsed = error.rpcCode === CONTROL_ERROR_PROGRAM ? programErrorSchema.safeParse(error.data) : null
  const failure = parsed?.success === true ? parsed.data : null
  const kind = failure?.kind ?? 'start'
  const file = failure?.file ?? (files.program === null ? 'methods' : 'program')
  const what = { syntax: 'has a syntax error', throw: 'threw while it was loaded', start: 'could not be started' }[kind]
  const filename = printable(files[file]?.filename ?? '', 200)
  return new ProgramError(`the ${FILE_NAMES[file]} '${filename}' ${what}: ${error.message}`, {
    cause: error,
    details: { file, kind, stack: printable(failure?.stack ?? '', 2000) },
  })
}
