/** The shovel's side of the connection to init, which forks, signals and reaps on its behalf. */
import { Socket } from 'node:net'
import { getSystemErrorName } from 'node:util'
import {
  AnswerDecoder,
  encodeOpened,
  encodeSignal,
  encodeSpawn,
  type ExitedAnswer,
  type InitAnswer,
  type SignalScope,
  type SpawnRequest,
} from './init-wire.js'

/** init could not start the command. */
export class SpawnFailure extends Error {
  /** For example `ENOENT`. */
  readonly errno: string
  readonly stage: 'fork' | 'chdir' | 'exec'

  constructor(errno: string, stage: 'fork' | 'chdir' | 'exec') {
    super(`${stage}: ${errno}`)
    this.errno = errno
    this.stage = stage
  }
}

/**
 * What the owner of a command is told. `onStarted` must open the command's pipes before it returns: init's next
 * answer may be the command's end.
 */
export interface CommandEvents {
  onStarted(pid: number, broker: number): void
  onFailed(failure: SpawnFailure): void
  onExited(exit: ExitedAnswer): void
}

/** Sends requests to init and hands its answers to whoever started the command. */
export class InitClient {
  readonly #socket: Socket
  readonly #commands = new Map<number, CommandEvents>()

  /**
   * @param fd the connected stream socket to init.
   * @param onLost called when init has closed the connection.
   */
  constructor(fd: number, onLost: () => void) {
    const decoder = new AnswerDecoder((answer) => this.#dispatch(answer))
    this.#socket = new Socket({ fd, allowHalfOpen: false })
    this.#socket.on('data', (chunk: Buffer) => decoder.push(chunk))
    this.#socket.on('error', onLost)
    this.#socket.on('end', () => onLost())
  }

  /** @throws {RangeError} when the request cannot be encoded; nothing was sent then. */
  spawn(request: SpawnRequest, events: CommandEvents): void {
    const message = encodeSpawn(request)
    this.#commands.set(request.id, events)
    this.#socket.write(message)
  }

  /** Tells init that the shovel has opened the command's pipes, so that it can let go of them. */
  opened(id: number): void {
    this.#socket.write(encodeOpened(id))
  }

  /** Sends a signal to a command. It reaches nothing when the command has ended. */
  signal(id: number, signal: number, scope: keyof typeof SignalScope): void {
    this.#socket.write(encodeSignal(id, signal, scope))
  }

  #dispatch(answer: InitAnswer): void {
    const events = this.#commands.get(answer.id)
    if (events === undefined) throw new Error(`init spoke of command ${answer.id}, which was never started`)
    if (answer.op === 'started') return events.onStarted(answer.pid, answer.broker)
    this.#commands.delete(answer.id)
    if (answer.op === 'exited') return events.onExited(answer)
    events.onFailed(new SpawnFailure(errnoName(answer.errno), answer.stage))
  }
}

function errnoName(errno: number): string {
  try {
    return getSystemErrorName(-errno)
  } catch {
    return `E${errno}`
  }
}
