/**
 * Records of threads that one of our own processes may have made: until that process's line names its child, nobody can say
 * whether they are ours, which are no events, or a guest's, which are judged.
 *
 * Our processes use fork alone, and nobody can stop them within it, so this lasts for moments. Above the bound a thread is taken
 * for a guest's: rather one violation too many than one lost.
 */
import type { TraceRecord } from '../strace/record.js'

/** A record of a thread. */
export type ThreadRecord = Exclude<TraceRecord, { kind: 'unknown' | 'note' }>

const MAX_HELD = 10_000

/** Keeps records in their order. */
export class HeldRecords {
  readonly #records: ThreadRecord[] = []

  get isEmpty(): boolean {
    return this.#records.length === 0
  }

  get isFull(): boolean {
    return this.#records.length >= MAX_HELD
  }

  hold(record: ThreadRecord): void {
    this.#records.push(record)
  }

  /** Hands over the first that is due. */
  take(isDue: (record: ThreadRecord) => boolean): ThreadRecord | null {
    const at = this.#records.findIndex(isDue)
    return at < 0 ? null : (this.#records.splice(at, 1)[0] ?? null)
  }

  takeAll(): readonly ThreadRecord[] {
    return this.#records.splice(0)
  }
}
