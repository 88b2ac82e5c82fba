/** The user's program: a process of its own in the sandbox, whose channel the supervisor relays on stream 1. */
import { readFile } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { ProgramError, RpcError } from '../errors.js'
import {
  CONTROL_ERROR_PROGRAM,
  MessageDecoder,
  PROGRAM_STREAM,
  printable,
  programErrorSchema,
  type RpcPeer,
} from '../protocol/index.js'
import type { Channel } from './channel.js'
import { PROGRAM_COMMAND_ID, type StreamIds } from './commands.js'
import { openReadable } from './streams.js'

/** The largest program file, in bytes: it travels in one message. */
const MAX_PROGRAM_BYTES = 8 * 1024 * 1024

export interface ProgramSource {
  readonly filename: string
  readonly source: string
}

/** @throws {ProgramError} when the file is missing, unreadable, no text, or larger than 8 MiB. */
export async function readProgram(filename: string): Promise<ProgramSource> {
  const bytes = await readFile(filename).catch((error: unknown) => {
    throw new ProgramError(
      `cannot read the program '${filename}': ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    )
  })
  if (bytes.length > MAX_PROGRAM_BYTES)
    throw new ProgramError(
      `the program '${filename}' is larger than ${MAX_PROGRAM_BYTES} bytes: bundle less, or put files into the home`,
    )
  try {
    return { filename, source: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch (error) {
    throw new ProgramError(`the program '${filename}' is not UTF-8 text`, { cause: error })
  }
}

export interface ProgramStart {
  readonly channel: Channel
  readonly peer: RpcPeer
  readonly streamIds: StreamIds
  readonly program: ProgramSource
  readonly permissions: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

export interface RunningProgram {
  readonly stdout: Readable
  readonly stderr: Readable
  /** Asks it to end by a signal number. */
  signal(signal: number): void
}

/** Joins a peer to stream 1; returns what it sends with. Must run before the program starts. */
export function connectProgram(channel: Channel, peer: RpcPeer): (message: Buffer) => void {
  const sender = channel.multiplexer.openSender(PROGRAM_STREAM, {
    onWritable: () => undefined,
    onReset: () => undefined,
  })
  const decoder = new MessageDecoder((value) => peer.receive(value))
  const receiver = channel.multiplexer.openReceiver(PROGRAM_STREAM, {
    onData(chunk) {
      channel.guard(() => decoder.push(chunk))
      receiver.consumed(chunk.length)
    },
    onEnd: () => undefined,
    onReset: () => undefined,
  })
  return (message) => void sender.write(message)
}

/**
 * Starts the program's process and loads the file into it.
 * @throws {ProgramError} when it cannot be compiled or throws while it is loaded.
 */
export async function startProgram(start: ProgramStart, onStarted: (program: RunningProgram) => void): Promise<void> {
  const { channel, peer, program, permissions, env, signal } = start
  const [stdout, stderr] = [start.streamIds.next(), start.streamIds.next()]
  const running: RunningProgram = {
    stdout: openReadable(channel.multiplexer, stdout),
    stderr: openReadable(channel.multiplexer, stderr),
    signal(number) {
      channel.control
        .call('signal', { commandId: PROGRAM_COMMAND_ID, signal: number, scope: 'group' })
        .catch(() => undefined)
    },
  }
  onStarted(running)
  try {
    await channel.control.call(
      'program.start',
      { env, cwd: '/', stdout, stderr, cpuTimeMs: null, permissions },
      { signal },
    )
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
