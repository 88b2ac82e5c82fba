/**
 * Runs the real init as PID 1 of a PID namespace under a uid of its own, and speaks its wire from outside. A relay takes
 * the place of the shovel; the FIFOs are opened by path, as the shovel does.
 */
import { randomInt } from 'node:crypto'
import { spawn, type ChildProcess } from 'node:child_process'
import { constants, openSync, readFileSync, readdirSync } from 'node:fs'
import { chmod, copyFile, mkdtemp, rm } from 'node:fs/promises'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import {
  AnswerDecoder,
  brokerPath,
  encodeOpened,
  encodeSignal,
  encodeSpawn,
  type ExitedAnswer,
  type InitAnswer,
  type PipeRequest,
  type SignalScope,
} from '../../src/shovel/init-wire.js'
import { expect, vi } from 'vitest'
import { buildInit } from './init-build.js'

const GUEST_ENV = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' }
const relaySource = join(import.meta.dirname, '..', 'fixtures', 'init', 'relay.mjs')

type Failed = Extract<InitAnswer, { op: 'failed' }>

/** Rejection of {@link TestInit.spawn}: init answered FAILED. */
export class SpawnRefused extends Error {
  readonly errno: number
  readonly stage: Failed['stage']

  constructor(answer: Failed) {
    super(`${answer.stage}: errno ${answer.errno}`)
    this.errno = answer.errno
    this.stage = answer.stage
  }
}

export interface TestInitOptions {
  /** Milliseconds, default a minute. */
  lifetimeMs?: number
  /** The init to run, default the shipped one. */
  initPath?: string
  /** Mode of init's file, default 0711 as in an image: its uid cannot read it. */
  initMode?: number
  /** Further arguments of init. With `--trace` it starts nothing before {@link TestInit.send} gave it a byte. */
  initArgs?: readonly string[]
  /** Instead of the relay. */
  shovel?: readonly string[]
}

export interface SpawnOptions {
  args?: readonly string[]
  env?: Record<string, string>
  cwd?: string
  cpuTimeMs?: number
  /** Default: 0, 1 and 2. */
  pipes?: readonly PipeRequest[]
  /** Whether to open the FIFOs and say so, default true. */
  open?: boolean
}

export interface TestCommand {
  readonly id: number
  /** Inside the PID namespace. */
  readonly pid: number
  /** Who holds the test's ends until they are opened; inside the PID namespace. */
  readonly broker: number
  /** The test's ends of the pipes, by the command's descriptor. */
  readonly streams: ReadonlyMap<number, Socket>
  readonly exited: Promise<ExitedAnswer>
  /** What it wrote to 1 and 2, until end of file. */
  readonly stdout: Promise<string>
  readonly stderr: Promise<string>
}

/** stdin, stdout and stderr. */
export const standardPipes: readonly PipeRequest[] = [
  { childFd: 0, childReads: true },
  { childFd: 1, childReads: false },
  { childFd: 2, childReads: false },
]

interface Pending {
  onStarted(started: { readonly pid: number; readonly broker: number }): void
  onFailed(error: Error): void
  onExited(answer: ExitedAnswer): void
  onLost(error: Error): void
}

export class TestInit {
  /** What init and the relay said on stderr. */
  stderr = ''
  /** How init ended: an exit code as `docker wait` gives it. */
  readonly ended: Promise<number>
  /** All answers in their order. */
  readonly answers: InitAnswer[] = []
  readonly #folder: string
  readonly #process: ChildProcess
  readonly #pending = new Map<number, Pending>()
  #nextId = 1

  private constructor(folder: string, child: ChildProcess) {
    this.#folder = folder
    this.#process = child
    this.ended = new Promise((resolve) => {
      child.on('close', (code) => {
        for (const pending of this.#pending.values()) pending.onLost(new Error(`init ended: ${this.stderr}`))
        resolve(code ?? -1)
      })
    })
    const decoder = new AnswerDecoder((answer) => this.#dispatch(answer))
    child.stdout?.on('data', (chunk: Buffer) => decoder.push(chunk))
    child.stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()))
    child.stdin?.on('error', () => {})
  }

  static async start(options: TestInitOptions = {}): Promise<TestInit> {
    if (process.getuid?.() !== 0) throw new Error('init is tested in a PID namespace of its own: run as root')
    const folder = await mkdtemp(join(tmpdir(), 'init-test-'))
    await chmod(folder, 0o755)
    await copyFile(options.initPath ?? (await buildInit()), join(folder, 'init'))
    await chmod(join(folder, 'init'), options.initMode ?? 0o711)
    await copyFile(relaySource, join(folder, 'relay.mjs'))
    // A uid of its own: the kernel counts processes per uid.
    const id = randomInt(100_000, 1_000_000_000)
    const identity = ['--reuid', `${id}`, '--regid', `${id}`, '--clear-groups']
    const init = [join(folder, 'init'), '--lifetime-ms', `${options.lifetimeMs ?? 60_000}`, ...(options.initArgs ?? [])]
    const shovel = options.shovel ?? [process.execPath, join(folder, 'relay.mjs')]
    const child = spawn(
      'unshare',
      [
        '--fork',
        '--kill-child',
        '--pid',
        '--mount-proc',
        'setpriv',
        ...identity,
        // Again: the first one still has root's capabilities when it executes, and to them every file is readable.
        'setpriv',
        '--no-new-privs',
        ...init,
        '--',
        ...shovel,
      ],
      { stdio: 'pipe' },
    )
    return new TestInit(folder, child)
  }

  /** Starts a command and waits until it runs. */
  async spawn(file: string, options: SpawnOptions = {}): Promise<TestCommand> {
    const id = this.#nextId++
    const pipes = options.pipes ?? standardPipes
    const streams = new Map<number, Socket>()
    let onExited: Pending['onExited'] = () => {}
    let onLost: Pending['onLost'] = () => {}
    const exited = new Promise<ExitedAnswer>((resolve, reject) => {
      onExited = resolve
      onLost = reject
    })
    // Whoever does not await the end is not to fail by it.
    exited.catch(() => {})
    const { pid, broker } = await new Promise<{ pid: number; broker: number }>((resolve, reject) => {
      const onStarted = (started: { pid: number; broker: number }): void => {
        try {
          if (options.open ?? true) this.open(id, started.broker, pipes, streams)
        } catch (error) {
          // Init, or who holds the pipes, may have been killed by now.
          return reject(new Error('its pipes could not be opened', { cause: error }))
        }
        resolve(started)
      }
      this.#pending.set(id, {
        onStarted,
        onFailed: reject,
        onExited,
        onLost: (error) => {
          reject(error)
          onLost(error)
        },
      })
      const { cwd = '/', env = GUEST_ENV, cpuTimeMs = 0, args = [] } = options
      this.send(encodeSpawn({ id, cpuTimeMs, pipes, file, argv: [file, ...args], env, cwd }))
    })
    const text = (fd: number): Promise<string> => {
      const stream = streams.get(fd)
      const read = stream === undefined ? Promise.resolve('') : buffer(stream).then(String)
      read.catch(() => {})
      return read
    }
    return { id, pid, broker, streams, exited, stdout: text(1), stderr: text(2) }
  }

  /** Runs `sh -c` to its end with nothing on stdin. */
  async shell(script: string, options: SpawnOptions = {}): Promise<ExitedAnswer & { stdout: string; stderr: string }> {
    const command = await this.spawn('sh', { ...options, args: ['-c', script] })
    command.streams.get(0)?.end()
    const [exit, stdout, stderr] = await Promise.all([command.exited, command.stdout, command.stderr])
    return { ...exit, stdout, stderr }
  }

  /** Opens the pipes of a command that was started with `open: false`, and says so. */
  open(
    id: number,
    broker: number,
    pipes: readonly PipeRequest[],
    streams = new Map<number, Socket>(),
  ): ReadonlyMap<number, Socket> {
    // The broker's pid is one of init's namespace, and so is this view of /proc.
    const proc = `/proc/${this.hostPid}/root`
    for (const pipe of pipes) {
      const access = pipe.childReads ? constants.O_WRONLY : constants.O_RDONLY
      const fd = openSync(`${proc}${brokerPath(broker, pipe.childFd)}`, access | constants.O_NONBLOCK)
      const socket = new Socket({ fd, readable: !pipe.childReads, writable: pipe.childReads })
      socket.on('error', () => {})
      streams.set(pipe.childFd, socket)
    }
    this.send(encodeOpened(id))
    return streams
  }

  signal(id: number, signal: number, scope: keyof typeof SignalScope): void {
    this.send(encodeSignal(id, signal, scope))
  }

  /** Raw bytes of the wire. */
  send(bytes: Buffer): void {
    this.#process.stdin?.write(bytes)
  }

  /** What a host does that goes away. */
  closeInput(): void {
    this.#process.stdin?.end()
  }

  /** The pid of init outside of its namespace. */
  get hostPid(): number {
    const own = this.#process.pid
    return Number(readFileSync(`/proc/${own}/task/${own}/children`, 'utf8').trim())
  }

  /** Whether what runs as PID 1 is init already, with its arguments read. */
  get atGate(): boolean {
    try {
      const { hostPid } = this
      return readFileSync(`/proc/${hostPid}/comm`, 'utf8') === 'init\n' && this.descriptorCount > 3
    } catch {
      return false
    }
  }

  /** Direct children of init, outside pids: the relay and the supervisors. */
  get children(): number[] {
    const pid = this.hostPid
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)
  }

  /** Resolves when only the relay is left: a broker is killed when its pipes are opened, and reaped a moment later. */
  async untilIdle(): Promise<void> {
    await vi.waitFor(() => expect(this.children).toHaveLength(1), { timeout: 5_000, interval: 5 })
  }

  /** How many descriptors init holds. */
  get descriptorCount(): number {
    return readdirSync(`/proc/${this.hostPid}/fd`).length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.ended
    await rm(this.#folder, { recursive: true, force: true })
  }

  #dispatch(answer: InitAnswer): void {
    this.answers.push(answer)
    const pending = this.#pending.get(answer.id)
    if (answer.op === 'started') return pending?.onStarted(answer)
    this.#pending.delete(answer.id)
    if (answer.op === 'failed') return pending?.onFailed(new SpawnRefused(answer))
    pending?.onExited(answer)
  }
}

/** The signal or exit code in a wait status, as a shell would show it. */
export function exitCodeOf(exit: ExitedAnswer): number {
  const signal = exit.waitStatus & 0x7f
  return signal === 0 ? exit.waitStatus >> 8 : 128 + signal
}
