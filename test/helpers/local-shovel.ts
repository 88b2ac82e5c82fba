/**
 * init and the shovel as plain local processes in a PID namespace of their own, with the host's side of the channel.
 * Needs root for the namespace. It is no sandbox: what it runs is not confined.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { MessageDecoder } from '../../src/protocol/message.ts'
import { Multiplexer } from '../../src/protocol/multiplexer.ts'
import { RpcPeer } from '../../src/protocol/rpc-peer.ts'
import { buildGuest } from './guest-build.ts'

/** The `exit` notification. */
export interface ExitReport {
  readonly commandId: number
  readonly exitCode: number | null
  readonly signal: number | null
  readonly cpuMs: number
  readonly maxRssBytes: number
  readonly leftovers: number
  readonly cause: string
  readonly oomKills: number
  readonly stdoutBytes: number
  readonly stderrBytes: number
}

/** What {@link LocalShovel.run} gives. */
export interface LocalResult {
  readonly pid: number
  readonly exit: ExitReport
  readonly stdout: Buffer
  readonly stderr: Buffer
}

export interface LocalShovelOptions {
  /** Default 60,000. */
  readonly lifetimeMs?: number
}

/** Everything that a test needs of one shovel. */
export class LocalShovel implements AsyncDisposable {
  readonly process: ChildProcess
  readonly multiplexer: Multiplexer
  readonly peer: RpcPeer
  /** The parameters of the `ready` notification. */
  readonly ready: Promise<Record<string, unknown>>
  /** The first violation that the host's side saw. */
  violation: Error | null = null
  /** What init and the shovel wrote on stderr. */
  words = ''
  readonly #runDir: string
  readonly #exits = new Map<number, ExitReport>()
  readonly #exitWaiters = new Map<number, (report: ExitReport) => void>()
  #nextStream = 2
  #nextCommand = 1

  static async start(options: LocalShovelOptions = {}): Promise<LocalShovel> {
    const { init, shovel } = await buildGuest()
    const runDir = await mkdtemp(join(tmpdir(), 'container-sandbox-run-'))
    const args = [
      '--fork',
      '--pid',
      '--mount-proc',
      '--kill-child',
      init,
      '--lifetime-ms',
      String(options.lifetimeMs ?? 60_000),
    ]
    args.push('--run-dir', runDir, '--', process.execPath, shovel, '--run-dir', runDir)
    return new LocalShovel(spawn('unshare', args, { stdio: ['pipe', 'pipe', 'pipe'] }), runDir)
  }

  private constructor(child: ChildProcess, runDir: string) {
    this.process = child
    this.#runDir = runDir
    const stdin = child.stdin as Writable
    const transport = {
      write: (header: Buffer, payload?: Buffer) => {
        const room = stdin.write(header)
        return payload === undefined ? room : stdin.write(payload)
      },
    }
    const onViolation = (violation: Error) => (this.violation ??= violation)
    const messages = new MessageDecoder((value) => this.peer.receive(value))
    this.multiplexer = new Multiplexer(transport, { onViolation, onControl: (chunk) => messages.push(chunk) })
    this.peer = new RpcPeer({ send: (message: Buffer) => this.multiplexer.sendControl(message), onViolation })
    stdin.on('drain', () => this.multiplexer.drained())
    stdin.on('error', () => undefined)
    ;(child.stdout as Readable).on('data', (chunk: Buffer) => this.multiplexer.receive(chunk))
    ;(child.stderr as Readable).on('data', (chunk: Buffer) => (this.words += chunk.toString()))
    this.ready = new Promise((resolve) =>
      this.peer.expose('ready', (params) => resolve(params as Record<string, unknown>)),
    )
    this.peer.expose('exit', (params) => {
      const report = params as ExitReport
      this.#exits.set(report.commandId, report)
      this.#exitWaiters.get(report.commandId)?.(report)
    })
    child.once('exit', (code) => this.peer.close(new Error(`the shovel ended with ${code}: ${this.words}`)))
  }

  /** An id that no stream of this shovel had. */
  allotStream(): number {
    return this.#nextStream++
  }

  /** Resolves with the report of a command's end, also when it has come already. */
  exitOf(commandId: number): Promise<ExitReport> {
    const report = this.#exits.get(commandId)
    if (report !== undefined) return Promise.resolve(report)
    return new Promise((resolve) => this.#exitWaiters.set(commandId, resolve))
  }

  /** Receives a whole stream, and gives credit for all of it. */
  receiveAll(stream: number): Promise<Buffer> {
    const chunks: Buffer[] = []
    return new Promise((resolve, reject) => {
      const receiver = this.multiplexer.openReceiver(stream, {
        onData: (chunk) => {
          chunks.push(Buffer.from(chunk))
          receiver.consumed(chunk.length)
        },
        onEnd: () => resolve(Buffer.concat(chunks)),
        onReset: (code) => reject(new Error(`reset with ${code}`)),
      })
    })
  }

  /** Sends a whole stream. Resolves when it is queued; a reset by the shovel ends it. */
  sendAll(stream: number, content: Buffer | string): void {
    const sender = this.multiplexer.openSender(stream, { onWritable: () => undefined, onReset: () => undefined })
    sender.write(Buffer.from(content))
    sender.end()
  }

  /** The `spawn` request with defaults. */
  async spawn(file: string, args: readonly string[], params: Record<string, unknown> = {}) {
    const commandId = this.#nextCommand++
    const defaults = { stdin: null, stdout: null, stderr: null, cpuTimeMs: null, outputBytes: null, cwd: '/' }
    const env = { PATH: process.env.PATH ?? '/usr/bin:/bin' }
    const { pid } = (await this.peer.call('spawn', { commandId, file, args, env, ...defaults, ...params })) as {
      pid: number
    }
    return { commandId, pid }
  }

  /** Runs a command to its end, with both outputs. */
  async run(
    file: string,
    args: readonly string[],
    input = '',
    params: Record<string, unknown> = {},
  ): Promise<LocalResult> {
    const [stdin, stdout, stderr] = [this.allotStream(), this.allotStream(), this.allotStream()]
    const outputs = Promise.all([this.receiveAll(stdout), this.receiveAll(stderr)])
    const started = this.spawn(file, args, { stdin, stdout, stderr, ...params })
    this.sendAll(stdin, input)
    const { commandId, pid } = await started
    const [out, err] = await outputs
    return { pid, exit: await this.exitOf(commandId), stdout: out, stderr: err }
  }

  /** Ends everything and removes the run directory. */
  async [Symbol.asyncDispose](): Promise<void> {
    const runs = this.process.exitCode === null && this.process.signalCode === null
    if (runs) {
      const ended = once(this.process, 'exit')
      this.process.kill('SIGKILL')
      await ended
    }
    await rm(this.#runDir, { recursive: true, force: true })
  }
}
