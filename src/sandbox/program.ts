/** The user's program: a process of its own in the sandbox, whose channel the supervisor relays on stream 1. */
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { ProgramError, RpcError } from '../errors.js'
import { printable } from '../printable.js'
import {
  CONTROL_ERROR_PROGRAM,
  MessageDecoder,
  PROGRAM_STREAM,
  programErrorSchema,
  type RpcPeer,
} from '../protocol/index.js'
import type { Channel } from './channel.js'
import { PROGRAM_COMMAND_ID } from './commands.js'
import type { Session } from './session.js'

/** The largest program file, in bytes: it travels in one message. */
const MAX_PROGRAM_BYTES = 8 * 1024 * 1024

/** The text of a program and the name it has in stack traces. */
export interface ProgramSource {
  readonly filename: string
  readonly source: string
}

/** @throws {ProgramError} when the file is missing, unreadable, no regular file, no text, or larger than 8 MiB. */
export async function readProgram(filename: string): Promise<ProgramSource> {
  const bytes = await readRegularFile(filename).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error)
    throw new ProgramError(`cannot read the program '${printable(filename, 200)}': ${why}`, { cause: error })
  })
  try {
    return { filename, source: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch (error) {
    throw new ProgramError(`the program '${printable(filename, 200)}' is not UTF-8 text`, { cause: error })
  }
}

/** Neither waits for a writer of a FIFO nor reads a device without end. */
async function readRegularFile(filename: string): Promise<Buffer> {
  const file = await open(filename, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stats = await file.stat()
    if (!stats.isFile()) throw new Error('it is no regular file')
    if (stats.size > MAX_PROGRAM_BYTES)
      throw new Error(`it is larger than ${MAX_PROGRAM_BYTES} bytes: bundle less, or put files into the home`)
    return await file.readFile()
  } finally {
    await file.close()
  }
}

/** What the program's process is started with. */
export interface ProgramStart {
  readonly session: Session
  readonly peer: RpcPeer
  readonly program: ProgramSource
  readonly permissions: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

/** The program once its process runs. */
export interface RunningProgram {
  readonly stdout: Readable
  readonly stderr: Readable
  /** Asks it to end by a signal number. */
  signal(signal: number): void
}

/** What the program's peer sends with, once the program's stream is there. */
export interface ProgramLink {
  send(message: Buffer): void
  /** Bytes that the program has not taken. */
  readonly queuedBytes: number
}

/** Joins a peer to stream 1. Must run before the program starts. */
export function connectProgram(channel: Channel, peer: RpcPeer): ProgramLink {
  const sender = channel.multiplexer.openSender(PROGRAM_STREAM, {
    onWritable: () => undefined,
    onReset: () => undefined,
  })
  const decoder = new MessageDecoder((value, cost) => peer.receive(value, cost))
  const receiver = channel.multiplexer.openReceiver(PROGRAM_STREAM, {
    onData(chunk) {
      channel.guard(() => decoder.push(chunk))
      receiver.consumed(chunk.length)
    },
    onEnd: () => undefined,
    onReset: () => undefined,
  })
  return {
    send: (message) => void sender.write(message),
    get queuedBytes() {
      return sender.queuedBytes
    },
  }
}

/**
 * Starts the program's process and loads the file into it.
 * @throws {ProgramError} when it cannot be compiled or throws while it is loaded.
 */
export async function startProgram(start: ProgramStart, onStarted: (program: RunningProgram) => void): Promise<void> {
  const { session, peer, program, permissions, env, signal } = start
  const { channel, streamIds, commands } = session
  const [stdout, stderr] = [streamIds.next(), streamIds.next()]
  const request = { env, cwd: '/', stdout, stderr, cpuTimeMs: null, permissions }
  try {
    commands.programRequested()
    const started = channel.request('program.start', request, 2)
    onStarted({
      stdout: channel.openReadable(stdout),
      stderr: channel.openReadable(stderr),
      signal(number) {
        channel.signal({ commandId: PROGRAM_COMMAND_ID, signal: number, scope: 'group' })
      },
    })
    await started
    await peer.call('$/load', { ...program, permissions }, { signal })
  } catch (error) {
    if (!(error instanceof RpcError)) throw error
    const failure = error.rpcCode === CONTROL_ERROR_PROGRAM ? programErrorSchema.safeParse(error.data) : null
    const stack = failure?.success === true ? printable(failure.data.stack, 2000) : ''
    const kind = failure?.success === true ? failure.data.kind : 'start'
    const what = { syntax: 'has a syntax error', throw: 'threw while it was loaded', start: 'could not be started' }[
      kind
    ]
    throw new ProgramError(`the program '${program.filename}' ${what}: ${error.message}`, {
      cause: error,
      details: { kind, stack },
    })
  }
}
