/**
 * The trace of one sandbox while it lives: reads the tracer's output, judges, keeps what was seen.
 *
 * Theory of operation. The tracer's stdout carries strace's lines, its stderr the one word `attached` and then nothing: any
 * other word means that records may be missing, and fails the trace. A trace that fails ends the sandbox. Nothing is dropped on
 * the way: when this process is slow, strace blocks in its write, and with it the guest.
 *
 * A tracer also ends when its sandbox does, since both share a PID namespace whose first process takes all others along. So an
 * end of the tracer counts as a failure only when the sandbox is still there a moment later. In that moment the guest does
 * nothing unseen: without a tracer its filter answers ENOSYS to every call that is traced.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { ContainerHandle } from '../driver/driver.js'
import { SandboxError, TraceUnavailableError, type JailbreakError } from '../errors.js'
import type { ResolvedTraceOptions } from '../options/index.js'
import { printable } from '../printable.js'
import { DecisionQueue } from './decision-queue.js'
import type { GapEvent, TraceEvent, Violation } from './event.js'
import type { EventLog } from './event-log.js'
import { EventQueue } from './event-queue.js'
import { TraceInterpreter } from './interpret/index.js'
import { learnPolicy, UsedNames, type LearnedPolicy } from './learn/index.js'
import type { PolicyContext } from './policy.js'
import { compilePolicy } from './policy/index.js'
import { jailbreakOf, unavailable } from './session-errors.js'
import { TraceReader } from './strace/index.js'
import { TraceSummarizer, type TraceSummary } from './summary.js'
import { CommandTraces } from './command-traces.js'

/** What the tracer writes to its stderr when every thread of the sandbox' first process is traced. */
const ATTACHED = 'attached\n'

/** How long after the tracer's end the sandbox may still report its own. */
const COMMON_END_MS = 300

/** How much of a failing tracer's words is kept, in characters. */
const MAX_WORDS = 2_000

/** Who is told of what the trace finds. */
export interface TraceHooks {
  onViolation(violation: Violation): void
  /** The guest is to be killed for this. Called at most once. */
  onJailbreak(error: JailbreakError): void
  /** The trace is not complete from here on. Called at most once. */
  onFailure(error: TraceUnavailableError): void
  /** A policy function threw or was silent for too long, and the guest is killed; or the log's last lines were not written. */
  onError(error: SandboxError): void
}

/** What a trace works with. */
export interface TraceSessionOptions {
  readonly tracer: ContainerHandle
  readonly sandbox: ContainerHandle
  readonly options: ResolvedTraceOptions
  readonly context: PolicyContext
  readonly log: EventLog | null
}

/** The trace of one living sandbox. */
export class TraceSession {
  /** Resolves when the sandbox' first process is traced. @throws {TraceUnavailableError} */
  readonly attached: Promise<void>
  /** Resolves when the tracer's last word was read, or its connection is gone. Never rejects. */
  readonly read: Promise<void>

  readonly #options: TraceSessionOptions
  readonly #summarizer = new TraceSummarizer()
  readonly #names: UsedNames
  readonly #queue: EventQueue
  readonly #interpreter: TraceInterpreter
  readonly #commands: CommandTraces
  readonly #decisions: DecisionQueue
  #hooks: TraceHooks | null = null
  #words = ''
  #isAttached = false
  #failure: TraceUnavailableError | null = null
  #isFailureTold = false
  #resolveAttached!: () => void
  #rejectAttached!: (error: Error) => void

  constructor(options: TraceSessionOptions) {
    const { tracer, context, log } = options
    const { policy, onViolation, maxQueuedEvents, maxLagMs } = options.options
    this.#options = options
    this.#names = new UsedNames(context.scratch)
    this.#queue = new EventQueue({ maxQueued: maxQueuedEvents })
    this.attached = new Promise((resolve, reject) => {
      this.#resolveAttached = resolve
      this.#rejectAttached = reject
    })
    this.attached.catch(() => undefined)
    this.#decisions = new DecisionQueue(onViolation, {
      onKill: (violation) => this.#hooks?.onJailbreak(jailbreakOf(violation)),
      onError: (error) => this.#tell((hooks) => hooks.onError(error)),
    })
    this.#commands = new CommandTraces(maxLagMs, (commandId) =>
      this.#fail(`the trace of command ${commandId} is not complete ${maxLagMs} ms after its end (trace.maxLagMs)`),
    )
    this.#interpreter = new TraceInterpreter({
      policy: policy === null ? null : compilePolicy(policy, context),
      onEvent: (event) => this.#onEvent(event),
      onCommandEnd: (commandId) => this.#commands.ended(commandId),
    })
    const reader = new TraceReader({ onRecord: (record) => this.#interpreter.accept(record) })
    tracer.output.on('data', (chunk: Buffer) => {
      this.#read(() => reader.push(chunk))
      if (log?.isFull === true) this.#waitFor(log)
    })
    tracer.output.on('error', () => undefined)
    const outputEnded = new Promise<void>((resolve) => tracer.output.once('close', resolve))
    // Calls that never returned are told then.
    this.read = outputEnded.then(() => this.#read(() => reader.end()))
    void this.read.then(() => this.#onOutputEnd())
    tracer.errorOutput.on('error', () => undefined)
    tracer.errorOutput.on('data', (chunk: Buffer) => this.#onWords(chunk.toString('latin1')))
    void log?.failed.then((error) => this.#fail(`the trace log cannot be written: ${error.message}`))
    void tracer.exited.then(({ exitCode, signal }) => {
      this.#fail(`the tracer ended (${signal ?? `exit code ${exitCode}`})${this.#said()}`)
    })
  }

  /** Tells what is found from now on, and what has failed before. */
  follow(hooks: TraceHooks): void {
    this.#hooks = hooks
    if (this.#failure !== null) hooks.onFailure(this.#failure)
  }

  /**
   * Resolves when everything that a command did was seen and judged; at the latest `maxLagMs` after the call, when the trace
   * has failed. Never rejects.
   */
  async commandTraced(commandId: number): Promise<void> {
    await this.#commands.traced(commandId)
    await this.#decisions.idle()
  }

  summary(): TraceSummary {
    return this.#summarizer.summary()
  }

  events(): AsyncIterableIterator<TraceEvent | GapEvent> {
    return this.#queue.open()
  }

  learn(): LearnedPolicy {
    const { options, context } = this.#options
    const syscalls = options.calls === 'all' ? this.#interpreter.syscalls.keys() : null
    return learnPolicy({ events: this.#names.toList(), syscalls, context })
  }

  /**
   * The sandbox is gone: readers of events come to their end, and the log is written to its end. Never rejects.
   *
   * @param unasked nobody here has ended it. Then the init has killed all that ran, and the trace must show each end: a guest can
   * make the host slow, do something, and end its sandbox before that was heard.
   */
  async close({ unasked }: { readonly unasked: boolean }): Promise<void> {
    if (unasked && this.#interpreter.hasGuests) {
      const cut = new TraceUnavailableError('the sandbox ended before its trace was read: the last calls are missing')
      this.#tell((hooks) => hooks.onError(cut))
    }
    this.#commands.close()
    this.#queue.end()
    await this.#options.log?.close().catch((error: unknown) => {
      // One that failed before has ended the sandbox, and says the same again.
      if (!this.#isFailureTold && error instanceof SandboxError) this.#tell((hooks) => hooks.onError(error))
    })
  }

  #onEvent(event: TraceEvent): void {
    this.#summarizer.add(event)
    this.#queue.push(event)
    this.#options.log?.write(event)
    if (event.kind !== 'access') return
    this.#names.add(event)
    if (!event.allowed) this.#onViolation(event as Violation)
  }

  #onViolation(violation: Violation): void {
    // First what ends the guest, since a listener can take its time.
    this.#decisions.decide(violation)
    this.#tell((hooks) => hooks.onViolation(violation))
  }

  /** A listener that throws is thrown for in a turn of its own: what follows in the log is still to be read. */
  #tell(tell: (hooks: TraceHooks) => void): void {
    try {
      if (this.#hooks !== null) tell(this.#hooks)
    } catch (error) {
      setImmediate(() => {
        throw error
      })
    }
  }

  #read(read: () => void): void {
    try {
      read()
    } catch (error) {
      this.#fail(`the trace cannot be read: ${printable(String(error), MAX_WORDS)}`)
    }
  }

  /** A tracer that is not heard any more can go on tracing: that is no trace. */
  async #onOutputEnd(): Promise<void> {
    const exit = await Promise.race([this.#options.tracer.exited, delay(COMMON_END_MS, null)])
    if (exit === null) this.#fail('the connection to the tracer has ended')
  }

  #waitFor(log: EventLog): void {
    const { output } = this.#options.tracer
    output.pause()
    void log.drained().then(() => output.resume())
  }

  #onWords(text: string): void {
    this.#words = (this.#words + text).slice(0, MAX_WORDS)
    if (this.#isAttached) {
      this.#fail(`the tracer reported a failure${this.#said()}`)
    } else if (this.#words === ATTACHED) {
      this.#isAttached = true
      this.#words = ''
      this.#resolveAttached()
    } else if (!ATTACHED.startsWith(this.#words)) {
      this.#rejectAttached(unavailable(`the tracer could not attach${this.#said()}`))
    }
  }

  #said(): string {
    const words = printable(this.#words.trim(), MAX_WORDS)
    return words === '' ? '' : `; it said: ${words}`
  }

  #fail(message: string): void {
    if (this.#failure !== null) return
    const failure = unavailable(message)
    this.#failure = failure
    this.#rejectAttached(failure)
    const { exited } = this.#options.sandbox
    void Promise.race([exited, delay(COMMON_END_MS, null)]).then((exit) => {
      if (exit !== null) return
      this.#isFailureTold = true
      this.#hooks?.onFailure(failure)
    })
  }
}
