/** Writes events: what happened, with the process that it happened to. */
import type { SignallingCall } from '../calls/index.js'
import type { TraceEvent, TraceEventBase } from '../event.js'
import { printable } from '../../printable.js'
import type { CallRecord, ExitRecord } from '../strace/record.js'
import type { Access } from './access.js'
import type { Thread } from './process.js'
import type { Refusal } from './refusals.js'

const MAX_UNKNOWN_CHARACTERS = 1_000

/** Numbers the events of one sandbox. Of our own processes it writes no starts and ends. */
export class EventWriter {
  readonly #onEvent: (event: TraceEvent) => void
  #seq = 0

  constructor(onEvent: (event: TraceEvent) => void) {
    this.#onEvent = onEvent
  }

  access(thread: Thread, record: CallRecord, access: Access, allowed: boolean): void {
    const { process } = thread
    this.#onEvent({
      kind: 'access',
      seq: ++this.#seq,
      timeMs: record.timeMs,
      pid: thread.id,
      processId: process.id,
      commandId: process.branch.commandId,
      command: process.command,
      syscall: record.name,
      mode: access.mode,
      access: access.access,
      file: access.file,
      path: access.path,
      resolution: access.resolution,
      result: record.result.value,
      errno: record.result.errno,
      allowed,
    })
  }

  start(thread: Thread, timeMs: number): void {
    const { kind, parentId, id } = thread.process
    if (kind === 'own' || kind === 'init') return
    const isThread = thread.id !== id
    const maker = isThread ? id : parentId
    const base = this.#base(thread, timeMs)
    this.#onEvent({ kind: 'start', ...base, thread: isThread, parentId: maker, exitCode: null, signal: null })
  }

  exit(thread: Thread, { timeMs, exitCode, signal }: Pick<ExitRecord, 'timeMs' | 'exitCode' | 'signal'>): void {
    const { kind, id } = thread.process
    if (kind === 'own' || kind === 'init') return
    const base = this.#base(thread, timeMs)
    this.#onEvent({ kind: 'exit', ...base, thread: thread.id !== id, parentId: null, exitCode, signal })
  }

  socket(thread: Thread, { timeMs, args, result }: CallRecord): void {
    const [family = '', type = ''] = args
    this.#onEvent({ kind: 'socket', ...this.#base(thread, timeMs), family, type, errno: result.errno })
  }

  kill(thread: Thread, { timeMs, name, args, result }: CallRecord, call: SignallingCall): void {
    const given = args[call.target] ?? ''
    // The process behind the descriptor of pidfd_send_signal is not told by strace -y.
    const target = /^-?\d{1,10}$/.test(given) ? Number(given) : 0
    const sent = args[call.signal] ?? ''
    const base = this.#base(thread, timeMs)
    this.#onEvent({ kind: 'kill', ...base, syscall: name, target, sent, errno: result.errno })
  }

  refused(thread: Thread, timeMs: number, refusal: Refusal): void {
    if (thread.process.kind !== 'guest') return
    this.#onEvent({ kind: 'refused', ...this.#base(thread, timeMs), ...refusal })
  }

  unknown(text: string): void {
    this.#onEvent({ kind: 'unknown', seq: ++this.#seq, text: printable(text, MAX_UNKNOWN_CHARACTERS) })
  }

  #base({ id, process }: Thread, timeMs: number): TraceEventBase {
    const { branch, command } = process
    return { seq: ++this.#seq, timeMs, pid: id, processId: process.id, commandId: branch.commandId, command }
  }
}
