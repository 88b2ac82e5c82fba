/** Joins the halves of calls that other threads' lines came between. */
import type { BegunLine, ParsedLine, ResumedLine } from './line-parser.js'
import { parseCall, unknownLine } from './line-parser.js'
import type { TraceRecord } from './record.js'
import { neverReturned } from './result.js'

/** All threads of a sandbox together may hold so many characters of calls that have not ended. */
export const defaultMaxPendingChars = 64 * 1024 * 1024

/** What {@link Joiner} needs. */
export interface JoinerOptions {
  readonly onRecord: (record: TraceRecord) => void
  readonly maxPendingChars?: number
}

/**
 * Gives a {@link TraceRecord} for each line, calls with the time at which they were entered. A call that never returns, because
 * its thread died or was superseded, the log ended or another call of the same thread follows, comes with a result of `null`.
 * Holds one begun call for each thread that is in one, nothing for others, and never more than `maxPendingChars`.
 */
export class Joiner {
  readonly #onRecord: (record: TraceRecord) => void
  readonly #maxPendingChars: number
  readonly #pending = new Map<number, BegunLine>()
  #pendingChars = 0

  constructor({ onRecord, maxPendingChars = defaultMaxPendingChars }: JoinerOptions) {
    this.#onRecord = onRecord
    this.#maxPendingChars = maxPendingChars
  }

  accept(line: ParsedLine): void {
    switch (line.kind) {
      case 'call':
        if (this.#pending.size > 0) this.#giveUp(line.pid)
        this.#onRecord(line)
        return
      case 'begun':
        this.#giveUp(line.pid)
        this.#begin(line)
        return
      case 'resumed':
        this.#resume(line)
        return
      case 'exit':
        this.#giveUp(line.pid)
        this.#onRecord(line)
        return
      case 'superseded':
        this.#giveUp(line.pid)
        this.#onRecord(line)
        this.#rename(line.by, line.pid)
        return
      case 'signal':
      case 'note':
      case 'unknown':
        this.#onRecord(line)
    }
  }

  /** The log has ended: so have the calls that wait for their end. */
  end(): void {
    for (const pid of [...this.#pending.keys()]) this.#giveUp(pid)
  }

  #begin(line: BegunLine): void {
    const { pid, timeMs, name, args } = line
    this.#onRecord({ kind: 'entered', pid, timeMs, name, args })
    if (line.detached) {
      this.#onRecord({ kind: 'call', pid, timeMs, name, args, result: neverReturned })
    } else if (this.#pendingChars + line.text.length > this.#maxPendingChars) {
      this.#onRecord(unknownLine(line.text))
    } else {
      this.#hold(line)
    }
  }

  /** Both halves are parsed as one text, so a cut in the middle of a struct needs no care. */
  #resume({ pid, name, rest, line }: ResumedLine): void {
    const begun = this.#take(pid)
    if (begun === undefined) {
      this.#onRecord(unknownLine(line))
      return
    }
    const joined = begun.name === name ? parseCall(begun.text + rest, 0, pid, begun.timeMs) : null
    if (joined?.kind === 'call') {
      this.#onRecord(joined)
    } else if (
      joined !== null &&
      !joined.detached &&
      this.#pendingChars + joined.text.length <= this.#maxPendingChars
    ) {
      this.#hold(joined)
    } else {
      this.#onRecord({
        kind: 'call',
        pid,
        timeMs: begun.timeMs,
        name: begun.name,
        args: begun.args,
        result: neverReturned,
      })
      this.#onRecord(unknownLine(line))
    }
  }

  /** The thread that called execve goes on with the leader's id. */
  #rename(from: number, to: number): void {
    const begun = this.#take(from)
    if (begun !== undefined) this.#hold({ ...begun, pid: to })
  }

  #giveUp(pid: number): void {
    const begun = this.#take(pid)
    if (begun === undefined) return
    const { timeMs, name, args } = begun
    this.#onRecord({ kind: 'call', pid, timeMs, name, args, result: neverReturned })
  }

  #hold(begun: BegunLine): void {
    this.#pending.set(begun.pid, begun)
    this.#pendingChars += begun.text.length
  }

  #take(pid: number): BegunLine | undefined {
    const begun = this.#pending.get(pid)
    if (begun === undefined) return undefined
    this.#pending.delete(pid)
    this.#pendingChars -= begun.text.length
    return begun
  }
}
