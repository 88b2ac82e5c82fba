/**
 * The wire between the shovel and init (PID 1): `u32 length`, then a body that starts with an operation byte. Little
 * endian. Whatever arrives on it comes from init alone, which shares no code and no language with the shovel; a
 * message of an unknown form means that the two do not belong together, and the shovel ends.
 */

/** A request longer than this makes init end the container. */
export const MAX_REQUEST_BYTES = 4 * 1024 * 1024

/** Answers of init are written in one piece, below 512 bytes. */
const MAX_ANSWER_BYTES = 512

const Request = { Spawn: 1, Opened: 2, Signal: 3 } as const
const Answer = { Started: 1, Failed: 2, Exited: 3 } as const

/** Whom a signal reaches: the main process, its process group, or everything it started (always by SIGKILL). */
export const SignalScope = { process: 0, group: 1, tree: 2 } as const

/** The shovel's end of the pipe for descriptor `n` is descriptor `BROKER_FD_BASE + n` of the broker (init's `init.h`). */
const BROKER_FD_BASE = 32

/** Where the shovel opens its end of a pipe, from STARTED until it answers OPENED. */
export function brokerPath(broker: number, childFd: number): string {
  return `/proc/${broker}/fd/${BROKER_FD_BASE + childFd}`
}

/** A pipe between the shovel and a file descriptor of the command. */
export interface PipeRequest {
  readonly childFd: number
  /** `true`: the command reads from it and the shovel writes. */
  readonly childReads: boolean
}

/** What init starts. */
export interface SpawnRequest {
  /** The host's number for the command, 0 for the program; never used twice. */
  readonly id: number
  /** CPU time of the whole process tree in milliseconds; 0 is no limit. */
  readonly cpuTimeMs: number
  readonly pipes: readonly PipeRequest[]
  /** Looked up in `PATH` of `env` unless it holds a slash. */
  readonly file: string
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
}

/** init's account of a command that ended, its descendants included. */
export interface ExitedAnswer {
  readonly op: 'exited'
  readonly id: number
  /** As `wait(2)` gives it. */
  readonly waitStatus: number
  readonly cpuMicros: number
  readonly maxRssBytes: number
  /** Descendants that still ran when the main process had ended and were killed. */
  readonly leftovers: number
  readonly cause: 'none' | 'cpuTime' | 'treeKilled' | 'supervisorKilled'
  /** Out-of-memory kills in the container while the command ran. */
  readonly oomKills: number
}

/** Any answer of init. */
export type InitAnswer =
  | { readonly op: 'started'; readonly id: number; readonly pid: number; readonly broker: number }
  | { readonly op: 'failed'; readonly id: number; readonly errno: number; readonly stage: 'fork' | 'chdir' | 'exec' }
  | ExitedAnswer

const STAGES = ['fork', 'chdir', 'exec'] as const
const CAUSES = ['none', 'cpuTime', 'treeKilled', 'supervisorKilled'] as const

/**
 * Builds a SPAWN request with its length in front.
 * @throws {RangeError} when it is longer than {@link MAX_REQUEST_BYTES}, or a string holds a NUL.
 */
export function encodeSpawn(request: SpawnRequest): Buffer {
  const env = Object.entries(request.env).map(([name, value]) => `${name}=${value}`)
  const texts = [...request.argv, ...env, request.cwd, request.file]
  if (texts.some((text) => text.includes('\0'))) throw new RangeError('a NUL in an argument, variable or path')
  const head = Buffer.alloc(14 + 2 * request.pipes.length)
  head.writeUInt8(Request.Spawn, 0)
  head.writeUInt32LE(request.id, 1)
  head.writeBigUInt64LE(BigInt(request.cpuTimeMs), 5)
  head.writeUInt8(request.pipes.length, 13)
  request.pipes.forEach((pipe, index) => {
    head.writeUInt8(pipe.childFd, 14 + 2 * index)
    head.writeUInt8(pipe.childReads ? 0 : 1, 15 + 2 * index)
  })
  const body = [head, list(request.argv), list(env), Buffer.from(`${request.cwd}\0${request.file}\0`)]
  const length = body.reduce((sum, part) => sum + part.length, 0)
  if (length > MAX_REQUEST_BYTES) throw new RangeError(`arguments and environment of ${length} bytes`)
  return Buffer.concat([uint32(length), ...body])
}

/** Builds an OPENED message: the shovel holds its ends of the command's pipes. */
export function encodeOpened(id: number): Buffer {
  const message = Buffer.alloc(9)
  message.writeUInt32LE(5, 0)
  message.writeUInt8(Request.Opened, 4)
  message.writeUInt32LE(id, 5)
  return message
}

/** Builds a SIGNAL request. */
export function encodeSignal(id: number, signal: number, scope: keyof typeof SignalScope): Buffer {
  const message = Buffer.alloc(11)
  message.writeUInt32LE(7, 0)
  message.writeUInt8(Request.Signal, 4)
  message.writeUInt32LE(id, 5)
  message.writeUInt8(signal, 9)
  message.writeUInt8(SignalScope[scope], 10)
  return message
}

/** Cuts the bytes from init into answers, in order. */
export class AnswerDecoder {
  #rest: Buffer = Buffer.alloc(0)
  readonly #onAnswer: (answer: InitAnswer) => void

  constructor(onAnswer: (answer: InitAnswer) => void) {
    this.#onAnswer = onAnswer
  }

  /** @throws {Error} when the bytes are no answer of init. */
  push(chunk: Buffer): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    while (bytes.length >= 4) {
      const length = bytes.readUInt32LE(0)
      if (length > MAX_ANSWER_BYTES) throw new Error(`init sent an answer of ${length} bytes`)
      if (bytes.length < 4 + length) break
      this.#onAnswer(decodeAnswer(bytes.subarray(4, 4 + length)))
      bytes = bytes.subarray(4 + length)
    }
    this.#rest = bytes
  }
}

function decodeAnswer(body: Buffer): InitAnswer {
  const op = body.readUInt8(0)
  const id = body.readUInt32LE(1)
  if (op === Answer.Started) return { op: 'started', id, pid: body.readUInt32LE(5), broker: body.readUInt32LE(9) }
  if (op === Answer.Failed) {
    const stage = STAGES[body.readUInt8(9) - 1] ?? 'fork'
    return { op: 'failed', id, errno: body.readUInt32LE(5), stage }
  }
  if (op !== Answer.Exited) throw new Error(`init sent an unknown answer ${op}`)
  return {
    op: 'exited',
    id,
    waitStatus: body.readUInt32LE(5),
    cpuMicros: Number(body.readBigUInt64LE(9)),
    maxRssBytes: Number(body.readBigUInt64LE(17)),
    leftovers: body.readUInt32LE(25),
    cause: CAUSES[body.readUInt8(29)] ?? 'none',
    oomKills: body.readUInt32LE(30),
  }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function list(texts: readonly string[]): Buffer {
  return Buffer.concat([uint32(texts.length), Buffer.from(texts.map((text) => `${text}\0`).join(''))])
}
