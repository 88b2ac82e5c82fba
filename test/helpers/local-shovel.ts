/**
 * init and the shovel as plain local processes in a PID namespace of their own, with the host's side of the channel.
 * Needs root for the namespace and to take
 * the guest's uid. It is no sandbox: what it runs is not confined.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { chmod, chown, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import type { ExitNotification } from '../../src/protocol/control.ts'
import { MessageDecoder } from '../../src/protocol/message.ts'
import { Multiplexer } from '../../src/protocol/multiplexer.ts'
import { RpcPeer } from '../../src/protocol/rpc-peer.ts'
import { buildGuest } from './guest-build.ts'

export type ExitReport = ExitNotification

/** The guest's uid and gid: nobody else's on this machine. */
const UID = 54_322

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
  /** An empty folder that the guest owns. */
  readonly workDir: string
  readonly #ownDir: string
  readonly #exits = new Map<number, PromiseWithResolve<ExitReport>>()
  #nextStream = 2
  #nextCommand = 1

  static async start(options: LocalShovelOptions = {}): Promise<LocalShovel> {
    const guest = await buildGuest()
    const ownDir = await mkdtemp(join(tmpdir(), 'container-sandbox-run-'))
    await chmod(ownDir, 0o755)
    await mkdir(join(ownDir, 'work'), { mode: 0o700 })
    await chown(join(ownDir, 'work'), UID, UID)
    const node = [`${guest}/lib/ld.so`, '--inhibit-cache', '--library-path', `${guest}/lib`, `${guest}/bin/node`]
    const init = [`${guest}/bin/init`, '--lifetime-ms', String(options.lifetimeMs ?? 60_000), '--', ...node]
    const drop = ['setpriv', `--reuid=${UID}`, `--regid=${UID}`, '--clear-groups', '--no-new-privs']
    const args = ['--fork', '--pid', '--mount-proc', '--kill-child', ...drop, ...init, `${guest}/shovel.cjs`]
    return new LocalShovel(spawn('unshare', args, { stdio: ['pipe', 'pipe', 'pipe'] }), ownDir)
  }

  private constructor(child: ChildProcess, ownDir: string) {
    this.process = child
    this.#ownDir = ownDir
    this.workDir = join(ownDir, 'work')
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
    this.ready = new Promise((resolve) => this.peer.expose('ready', (params) => resolve(params)))
    this.peer.expose('exit', (report: ExitReport) => this.#exit(report.commandId).resolve(report))
    child.once('exit', (code) => this.peer.close(new Error(`the shovel ended with ${code}: ${this.words}`)))
  }

  /** The shovel's pid as this process sees it: it is the child of init, which is the child of `unshare`. */
  get shovelPid(): number {
    const firstChild = (pid: number) => Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')[0])
    return firstChild(firstChild(this.process.pid as number))
  }

  /** An id that no stream of this shovel had. */
  allotStream(): number {
    return this.#nextStream++
  }

  /** Resolves with the report of a command's end, also when it has come already. */
  exitOf(commandId: number): Promise<ExitReport> {
    return this.#exit(commandId).promise
  }

  #exit(commandId: number): PromiseWithResolve<ExitReport> {
    const exit = this.#exits.get(commandId) ?? createPromise<ExitReport>()
    this.#exits.set(commandId, exit)
    return exit
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
    const env = { PATH: '/usr/local/bin:/usr/bin:/bin' }
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
    await rm(this.#ownDir, { recursive: true, force: true })
  }
}

interface PromiseWithResolve<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
}

function createPromise<T>(): PromiseWithResolve<T> {
  let resolve: (value: T) => void = () => undefined
  const promise = new Promise<T>((settle) => (resolve = settle))
  return { promise, resolve }
}
