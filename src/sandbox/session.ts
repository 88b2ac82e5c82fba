/**
 * One running container and the conversation with it, from the first frame to the end.
 *
 * There is one end: the container is gone, as the engine says, or the engine has been away for too long. Whatever made it end (kill, lockup, a bad frame) is
 * recorded first as the cause and then has the container destroyed. When it is gone, every pending call, stream and
 * wait gets one `SandboxExitedError`, and nothing is pending afterwards.
 */
import { AsyncResource } from 'node:async_hooks'
import type { SandboxExitedError } from '../errors.js'
import type { ContainerExit, ContainerHandle } from '../driver/driver.js'
import { ProtocolViolation, describeIssue, readyNotificationSchema } from '../protocol/index.js'
import { openChannel, type Channel } from './channel.js'
import type { TraceSession } from '../trace/index.js'
import { Commands, StreamIds } from './commands.js'
import { describeEnding, type EndingCause } from './ending.js'

/** How long the last frames may take to arrive after the engine reported the end. */
const DRAIN_MS = 1_000

/** How long the engine may take to report the end after the channel closed by itself. */
const CHANNEL_LOSS_MS = 3_000

/** How long the engine may take to report an end that was asked for; then the sandbox counts as lost. */
const FORCED_END_MS = 12_000

const LOST: ContainerExit = { exitCode: null, signal: null, oomKilled: false, cause: 'lost' }

/** How much later than the init, which lies inside, the host itself ends a sandbox for its lifetime. */
const LIFETIME_GRACE_MS = 15_000

/** The longest delay that a timer takes. */
const MAX_TIMER_MS = 2_147_483_647

/** How much of the supervisor's own words is kept for error messages, in bytes. */
const STDERR_TAIL_BYTES = 4_096

/** Who is told of what happens in a session. */
export interface SessionHooks {
  onStderr(chunk: Buffer): void
  onEnded(error: SandboxExitedError, exit: ContainerExit): void
}

/** A running container and the conversation with it, from the attached stdio to the end of the container. */
export class Session {
  readonly container: ContainerHandle
  readonly channel: Channel
  readonly commands: Commands
  readonly streamIds = new StreamIds()
  /** Resolves when the supervisor answers; rejects when the container ends first. */
  readonly supervisorReady: Promise<void>
  /** Resolves when the container is gone and everything pending was told. Never rejects. */
  readonly ended: Promise<SandboxExitedError>

  readonly #hooks: SessionHooks
  #cause: EndingCause | null = null
  #stderrTail = Buffer.alloc(0)
  #channelEnded!: () => void
  #giveUp!: (exit: ContainerExit) => void

  /** @param trace what follows the commands, in a traced sandbox */
  constructor(container: ContainerHandle, hooks: SessionHooks, trace: TraceSession | null = null) {
    this.container = container
    this.#hooks = hooks
    const channelEnd = new Promise<void>((resolve) => (this.#channelEnded = resolve))
    this.channel = openChannel(container, {
      onViolation: (error) => this.end({ reason: 'protocol', error }),
      onEnd: () => {
        this.#channelEnded()
        this.#watchChannelLoss()
      },
    })
    const traced = trace === null ? null : (commandId: number) => this.#traced(trace, commandId)
    this.commands = new Commands(this.channel, this.streamIds, traced)
    container.errorOutput.on('error', () => undefined)
    // Within whoever starts the sandbox, as what comes over the channel.
    container.errorOutput.on(
      'data',
      AsyncResource.bind((chunk: Buffer) => this.#onStderr(chunk)),
    )
    let reportReady: () => void = () => undefined
    let failReady: (error: Error) => void = () => undefined
    this.supervisorReady = new Promise((resolve, reject) => {
      reportReady = resolve
      failReady = reject
    })
    this.supervisorReady.catch(() => undefined)
    let isReady = false
    this.#expose('ready', (params) => {
      const parsed = readyNotificationSchema.safeParse(params)
      if (!parsed.success) throw new ProtocolViolation(`a ready notification with ${describeIssue(parsed.error)}`)
      if (isReady) throw new ProtocolViolation('a second ready notification')
      isReady = true
      reportReady()
    })
    this.#expose('exit', (params) => this.commands.exited(params))
    const givenUp = new Promise<ContainerExit>((resolve) => (this.#giveUp = resolve))
    this.ended = Promise.race([container.exited, givenUp]).then(async (exit) => {
      await Promise.race([Promise.all([channelEnd, trace?.read]), delay(DRAIN_MS)])
      const destroyed = container.destroy().catch(() => undefined)
      // An engine that is away is not waited for: what it still has of the sandbox ends by itself and is swept later.
      if (exit.cause !== 'lost') await destroyed
      await trace?.close({ unasked: this.#cause === null && exit.cause !== 'lost' })
      const error = describeEnding(exit, this.#cause)
      failReady(error)
      this.channel.close(error)
      this.commands.lose(error)
      this.#hooks.onEnded(error, exit)
      return error
    })
  }

  /** What the supervisor last wrote to its stderr. Guest data: escape it. */
  get stderrTail(): string {
    return this.#stderrTail.toString('utf8')
  }

  /** `true` once something has made the session end. */
  get ending(): boolean {
    return this.#cause !== null
  }

  /** Ends the sandbox by force. The first cause is kept. */
  end(cause: EndingCause): void {
    if (this.#cause !== null) return
    this.#cause = cause
    const timer = setTimeout(() => this.#giveUp(LOST), FORCED_END_MS)
    void this.container.exited.then(() => clearTimeout(timer))
    void this.container.destroy().catch(() => undefined)
  }

  /** The lifetime holds also when the inside does not keep it: whatever waits for the guest ends then at the latest. */
  limitLifetime(lifetimeMs: number): void {
    const timer = setTimeout(
      () => this.end({ reason: 'lifetime' }),
      Math.min(lifetimeMs + LIFETIME_GRACE_MS, MAX_TIMER_MS),
    )
    timer.unref()
    void this.container.exited.then(() => clearTimeout(timer))
  }

  /** What a command did can be what the sandbox is ended for: then that end is its end, and not what it exited with. */
  async #traced(trace: TraceSession, commandId: number): Promise<void> {
    await trace.commandTraced(commandId)
    if (this.ending) await this.ended
  }

  /** A notification of the supervisor. One that does not fit, or names what does not exist, is a violation like any bad frame. */
  #expose(name: string, handle: (params: unknown) => void): void {
    this.channel.control.expose(name, (params: unknown) => this.channel.guard(() => handle(params)))
  }

  #onStderr(chunk: Buffer): void {
    this.#stderrTail = Buffer.concat([this.#stderrTail, chunk]).subarray(-STDERR_TAIL_BYTES)
    this.#hooks.onStderr(chunk)
  }

  /** The attached stream can end without the container ending (the engine was restarted): then it is of no use any more. */
  #watchChannelLoss(): void {
    const timer = setTimeout(() => this.end({ reason: 'engine' }), CHANNEL_LOSS_MS)
    void this.container.exited.then(() => clearTimeout(timer))
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref())
}
