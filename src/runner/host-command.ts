/**
 * Programs of this host that the runner needs: called with arguments and never through a shell, with nothing of the host's
 * environment, in a process group of their own that ends with them.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { HostFileError } from '../errors.js'

/** What is called. */
export interface HostCommand {
  /** Absolute path. */
  readonly file: string
  readonly args: readonly string[]
  /** Default `/`. */
  readonly cwd?: string
  /** In addition to {@link BASE_ENVIRONMENT}. */
  readonly env?: Readonly<Record<string, string>>
  /** After this time it is killed. Default: none; then the signal has to end it. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal | undefined
}

/** How a command ended. */
export interface HostCommandEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** The last lines of what it said on stderr, at most 16 KiB. */
  readonly stderr: string
  /** Whether its time was over. */
  readonly timedOut: boolean
}

/** A command that runs. */
export interface HostProcess {
  readonly stdin: Writable
  readonly stdout: Readable
  /** Resolves when it is gone, with all its children that hold its output. @throws the error of a start that failed */
  readonly ended: Promise<HostCommandEnd>
  /** Ends it with all its children. Resolves when it is gone. */
  kill(): Promise<void>
}

/** `LANG`, `LD_PRELOAD` and the rest of the host's environment change what programs do, or hold secrets. */
export const BASE_ENVIRONMENT: Readonly<Record<string, string>> = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' }

const MAX_STDERR_BYTES = 16 * 1024
const MAX_STDOUT_BYTES = 16 * 1024 ** 2

/**
 * Starts a command. An abort kills it and makes `ended` reject with the signal's reason.
 * @throws {HostFileError} `EMFILE` when this process has no descriptor free; the signal's reason
 */
export function startHostCommand(command: HostCommand): HostProcess {
  const { file, args, cwd = '/', env = {}, timeoutMs, signal } = command
  signal?.throwIfAborted()
  const child = spawn(file, args, {
    cwd,
    env: { ...BASE_ENVIRONMENT, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  })
  if (!hasStreams(child)) {
    child.once('error', () => undefined)
    throw new HostFileError('EMFILE', 'cannot start', file)
  }
  const kill = (): void => killGroup(child)
  let timedOut = false
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true
          kill()
        }, timeoutMs)
  signal?.addEventListener('abort', kill, { once: true })
  // What it leaves behind would hold its output open, and outlive it.
  child.once('exit', () => signalGroup(child))
  const complaints = new LastLines()
  child.stderr.on('data', (chunk: Buffer) => complaints.push(chunk))
  // A command may end without reading what it is given, and whoever reads its output hears of its end.
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on('error', () => undefined)
  const ended = new Promise<HostCommandEnd>((resolve, reject) => {
    child.once('error', (error) => {
      if (child.pid === undefined) reject(error)
    })
    child.once('close', (code, endSignal) => {
      if (signal?.aborted === true) reject(signal.reason as Error)
      else resolve({ code, signal: endSignal, stderr: complaints.text(), timedOut })
    })
  }).finally(() => {
    clearTimeout(timer)
    signal?.removeEventListener('abort', kill)
  })
  ended.catch(() => undefined)
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    ended,
    async kill() {
      kill()
      await ended.catch(() => undefined)
    },
  }
}

/** Runs a command to its end. @throws an error when it writes more than 16 MiB. The signal's reason when it aborts. */
export async function runHostCommand(command: HostCommand): Promise<HostCommandEnd & { readonly stdout: Buffer }> {
  const child = startHostCommand(command)
  child.stdin.end()
  const chunks: Buffer[] = []
  let bytes = 0
  child.stdout.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > MAX_STDOUT_BYTES) void child.kill()
    else chunks.push(chunk)
  })
  const end = await child.ended
  if (bytes > MAX_STDOUT_BYTES) throw new Error(`${command.file} wrote more than ${MAX_STDOUT_BYTES} bytes`)
  return { ...end, stdout: Buffer.concat(chunks) }
}

/** Keeps whole lines: in half of one, a secret that is masked later could be cut and pass. */
class LastLines {
  #kept = Buffer.alloc(0)
  /** The beginning of the line that comes was dropped. */
  #isCut = false

  push(chunk: Buffer): void {
    let lines = chunk
    if (this.#isCut) {
      const lineEnd = chunk.indexOf(0x0a)
      if (lineEnd === -1) return
      this.#isCut = false
      lines = chunk.subarray(lineEnd + 1)
    }
    this.#kept = Buffer.concat([this.#kept, lines])
    if (this.#kept.length <= MAX_STDERR_BYTES) return
    const lineEnd = this.#kept.indexOf(0x0a, this.#kept.length - MAX_STDERR_BYTES)
    this.#isCut = lineEnd === -1
    this.#kept = this.#isCut ? Buffer.alloc(0) : Buffer.from(this.#kept.subarray(lineEnd + 1))
  }

  text(): string {
    return this.#kept.toString('utf8')
  }
}

/** Where no descriptor is free Node makes no streams and no process, and emits the error only later. */
function hasStreams(child: { readonly stderr: Readable | undefined }): boolean {
  return child.stderr !== undefined
}

function killGroup(child: ChildProcess): void {
  // A pid that was reaped can be another process' already.
  if (child.exitCode === null && child.signalCode === null) signalGroup(child)
  // A grandchild that left the group could hold the pipes.
  child.stdout?.destroy()
  child.stderr?.destroy()
}

function signalGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nothing of it is left.
  }
}
