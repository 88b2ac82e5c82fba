/**
 * Turns records of strace's lines into events: who did what to which name, and whether that is allowed.
 *
 * Theory of operation. The first process is init; what it makes itself (shovel, supervisors, brokers) is ours, and no event. What
 * those make is a command: between fork and its first successful execve it is still our code, of which only the attempts to
 * execute are events. All else is guest. A supervisor names its command by the marker, a call that only a process of init's own
 * making can give; its tree carries that number.
 */
import { tracedCall, type TracedCall } from '../calls/index.js'
import type { TraceEvent } from '../event.js'
import type { TracePolicy } from '../policy.js'
import { readString } from '../strace/arguments.js'
import type { CallRecord, EnteredRecord, ExitRecord, SupersededRecord, TraceRecord } from '../strace/record.js'
import type { Access } from './access.js'
import { addressAccesses } from './addresses.js'
import { CallCounts } from './call-counts.js'
import { EventWriter } from './event-writer.js'
import { HeldRecords, type ThreadRecord } from './held-records.js'
import { isAllowed } from './judge.js'
import { namedAccesses, openAccess } from './names.js'
import type { Process, Thread } from './process.js'
import { ProcessTree } from './process-tree.js'
import { REFUSED_BY_DEATH, refusalOf, refusedBySignal, refusedCall, refusedNewerCall } from './refusals.js'
import { readStartFlags } from './start-flags.js'
import { followFolder, learnFolder } from './working-folder.js'
import { readCommandLine } from './command-line.js'

/** What an interpreter works with. */
export interface TraceInterpreterOptions {
  /** `null` judges nothing. */
  readonly policy: TracePolicy | null
  readonly onEvent: (event: TraceEvent) => void
  /** A supervisor has named its command. */
  readonly onCommand?: (commandId: number, supervisorPid: number) => void
  /** The supervisor of a command has ended. It ends last of its tree, unless somebody killed it. */
  readonly onCommandEnd?: (commandId: number) => void
  /** The first process of the sandbox; default 1. */
  readonly initPid?: number
  /** Its working directory; default `/`. `null` when it is not known. */
  readonly initCwd?: string | null
}

/** The calls that access(2) of libc can be. */
const MARKING_CALLS: Readonly<Record<string, number>> = { access: 0, faccessat: 1, faccessat2: 1 }
const MARKER = /^\/\.sandbox\/command\/(\d{1,15})$/

/** Follows the processes of one sandbox. Give it every record, in order. */
export class TraceInterpreter {
  readonly #options: TraceInterpreterOptions
  readonly #tree: ProcessTree
  readonly #held = new HeldRecords()
  readonly #writer: EventWriter
  readonly #guestCalls = new CallCounts()
  readonly #ownCalls = new CallCounts()
  #isReleasing = false

  constructor(options: TraceInterpreterOptions) {
    const { initPid = 1, initCwd = '/', onEvent } = options
    this.#options = options
    this.#tree = new ProcessTree(initPid, initCwd)
    this.#writer = new EventWriter(onEvent)
  }

  /** How often guests made each call, as far as strace was told to show it. */
  get syscalls(): ReadonlyMap<string, number> {
    return this.#guestCalls.counts
  }

  /** The same of our own processes, and of commands before their first execve. */
  get ownSyscalls(): ReadonlyMap<string, number> {
    return this.#ownCalls.counts
  }

  /** Living threads, as far as they were seen. */
  get threadCount(): number {
    return this.#tree.size
  }

  /** Whether a command runs whose end was not seen. */
  get hasGuests(): boolean {
    return this.#tree.hasGuests
  }

  /** Takes the next record. Calls `onEvent` before it returns, but for the moments of held-records.ts. */
  accept(record: TraceRecord): void {
    if (record.kind === 'unknown') this.#writer.unknown(record.text)
    else if (record.kind !== 'note') this.#acceptOf(record)
  }

  #acceptOf(record: ThreadRecord): void {
    const thread = this.#tree.thread(record.kind === 'superseded' ? record.by : record.pid)
    if (thread !== undefined) this.#handle(record, thread)
    else if (!this.#tree.ownStart) this.#handle(record, this.#adopt(record))
    else if (!this.#held.isFull) this.#held.hold(record)
    else this.#overflow(record)
  }

  #adopt(record: ThreadRecord): Thread {
    const thread = this.#tree.adopt(record.kind === 'superseded' ? record.by : record.pid)
    this.#writer.start(thread, record.timeMs)
    return thread
  }

  #overflow(last: ThreadRecord): void {
    for (const record of [...this.#held.takeAll(), last]) {
      this.#handle(record, this.#tree.thread(record.pid) ?? this.#adopt(record))
    }
  }

  /** Goes on with what had to wait: all, or while one of ours still makes another, those that are known by now. */
  #release(): void {
    if (this.#isReleasing || this.#held.isEmpty) return
    this.#isReleasing = true
    const isDue = ({ pid }: ThreadRecord) => !this.#tree.ownStart || this.#tree.thread(pid) !== undefined
    // Each can change what is due: one after the other.
    for (let record = this.#held.take(isDue); record !== null; record = this.#held.take(isDue)) this.#acceptOf(record)
    this.#isReleasing = false
  }

  #handle(record: ThreadRecord, thread: Thread): void {
    switch (record.kind) {
      case 'call':
        this.#onCall(record, thread)
        break
      case 'entered':
        this.#onEntered(record, thread)
        break
      case 'exit':
        this.#onExit(record, thread)
        break
      case 'superseded':
        this.#onSuperseded(record)
        break
      case 'signal': {
        if (record.signal !== 'SIGSYS') break
        thread.process.sawSigsys = true
        const refusal = refusedBySignal(record)
        if (refusal !== null) this.#writer.refused(thread, record.timeMs, refusal)
      }
    }
  }

  #onEntered(record: EnteredRecord, thread: Thread): void {
    const call = tracedCall(record.name)
    if (call?.does === 'start') this.#tree.beginStart(thread, readStartFlags(call, record.args))
  }

  #onExit(record: ExitRecord, thread: Thread): void {
    const { process } = thread
    if (record.signal === 'SIGSYS' && !process.sawSigsys) {
      process.sawSigsys = true
      this.#writer.refused(thread, record.timeMs, REFUSED_BY_DEATH)
    }
    this.#writer.exit(thread, record)
    if (this.#tree.end(thread)) this.#onProcessEnd(process)
    this.#release()
  }

  #onProcessEnd({ kind, branch: { commandId } }: Process): void {
    if (kind === 'own' && commandId !== null) this.#options.onCommandEnd?.(commandId)
  }

  #onSuperseded({ pid, by, timeMs }: SupersededRecord): void {
    const gone = this.#tree.supersede(pid, by)
    if (gone !== null) this.#writer.exit(gone, { timeMs, exitCode: null, signal: null })
    this.#release()
  }

  #onCall(record: CallRecord, thread: Thread): void {
    const call = tracedCall(record.name)
    const { kind } = thread.process
    const counts = kind === 'guest' ? this.#guestCalls : this.#ownCalls
    counts.add(record.name)
    learnFolder(record, thread)
    if (kind === 'guest') this.#tell(call, record, thread)
    else this.#watchOwn(call, record, thread)
    if (call?.does === 'start') this.#onStart(record, thread, call)
    else if (record.result.errno === null && record.result.value !== null) this.#follow(record, thread)
  }

  #onStart(record: CallRecord, thread: Thread, call: TracedCall & { does: 'start' }): void {
    const { value, errno } = record.result
    const flags = thread.start?.flags ?? readStartFlags(call, record.args)
    if (value === null && errno === null) {
      // The thread dies in its call, and may have made a child.
      if (thread.start === null) this.#tree.beginStart(thread, flags)
      return
    }
    const child = errno === null && value !== null && value > 0 ? value : null
    const made = this.#tree.endStart(thread, flags, child)
    if (made !== null) this.#writer.start(made, record.timeMs)
    this.#release()
  }

  /** What a successful call changes for those that come. */
  #follow(record: CallRecord, thread: Thread): void {
    if (record.name !== 'execve' && record.name !== 'execveat') return followFolder(record, thread)
    for (const other of this.#tree.execute(thread, readCommandLine(record))) {
      this.#writer.exit(other, { timeMs: record.timeMs, exitCode: null, signal: null })
    }
    this.#release()
  }

  #watchOwn(call: TracedCall | undefined, record: CallRecord, thread: Thread): void {
    const { kind, branch } = thread.process
    if (kind === 'launch' && (record.name === 'execve' || record.name === 'execveat')) this.#tell(call, record, thread)
    const place = MARKING_CALLS[record.name]
    if (kind !== 'own' || place === undefined || branch.commandId !== null) return
    const marker = MARKER.exec(readString(record.args[place] ?? '')?.value ?? '')
    if (marker === null) return
    const commandId = Number(marker[1])
    branch.commandId = commandId
    this.#options.onCommand?.(commandId, thread.process.id)
  }

  /** The events of a call. */
  #tell(call: TracedCall | undefined, record: CallRecord, thread: Thread): void {
    const refusal = call === undefined ? refusedCall(record) : refusedNewerCall(record)
    if (refusal !== null) return this.#writer.refused(thread, record.timeMs, refusal)
    switch (call?.does) {
      case undefined:
        break
      case 'name':
        this.#judge(namedAccesses(call, record, thread), record, thread)
        break
      case 'open':
        this.#judge([openAccess(call, record, thread)], record, thread)
        break
      case 'address':
        this.#judge(addressAccesses(call, record, thread), record, thread)
        break
      case 'socket':
        this.#writer.socket(thread, record)
        break
      case 'signal':
        this.#writer.kill(thread, record, call)
        break
      case 'start':
      case 'unshare':
        if (record.result.errno === 'EPERM') this.#writer.refused(thread, record.timeMs, refusalOf(record))
    }
  }

  #judge(accesses: readonly Access[], record: CallRecord, thread: Thread): void {
    const { policy } = this.#options
    for (const access of accesses) {
      this.#writer.access(thread, record, access, isAllowed(policy, access, thread.process.id, record.result.errno))
    }
  }
}
