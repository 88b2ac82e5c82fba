/** The shape of a summary: plain JSON. */
import type { TraceMode, Violation } from './event.js'
import type { NameUse } from './summary-lists.js'

/** A program that was executed. */
export interface ProgramUse extends NameUse {
  /** The arguments of the first execution. */
  readonly argv: readonly string[]
}

/** An address that was connected, sent or bound to. */
export interface ConnectionUse {
  readonly address: string
  /** How often with which result: `ok`, an errno, or `unfinished`. */
  readonly results: Readonly<Record<string, number>>
}

/** What the kernel refused for want of a right, of a network or by seccomp; not what was missing or full. */
export interface RefusedUse {
  /** The path or address; `null` where the call names none. */
  readonly path: string | null
  readonly syscall: string
  readonly mode: TraceMode | null
  /** The errno; `SIGSYS` where seccomp sent the signal. */
  readonly errno: string
  readonly count: number
}

/** The lists that name files. */
export type FileList = 'read' | 'written' | 'created' | 'removed' | 'renamed' | 'metadata'

/** Plain JSON. Lists are sorted by path and hold what succeeded at least once. */
export interface TraceSummary {
  /** Opened for reading. What was only looked at (`stat`, `access`, `readlink`) is in none of the lists. */
  readonly read: readonly NameUse[]
  /** Opened for writing, or truncated. */
  readonly written: readonly NameUse[]
  readonly created: readonly NameUse[]
  readonly removed: readonly NameUse[]
  /** Both names of each renaming. */
  readonly renamed: readonly NameUse[]
  /** Mode, owner, times or attributes changed. */
  readonly metadata: readonly NameUse[]
  readonly programs: readonly ProgramUse[]
  readonly connections: readonly ConnectionUse[]
  readonly refused: readonly RefusedUse[]
  /** The first ones, in the order of time. */
  readonly violations: readonly Violation[]
  readonly counts: TraceCounts
  /** Whether any list left something out. */
  readonly truncated: boolean
  /** How many uses found no room in each list. */
  readonly omitted: Readonly<Record<FileList | 'programs' | 'connections' | 'refused' | 'violations', number>>
}

/** Exact numbers, also of what the lists left out. */
export interface TraceCounts {
  readonly events: number
  readonly processes: number
  readonly threads: number
  readonly violations: number
  /** Lines of strace that were not understood. */
  readonly unknownLines: number
  /** Events of each call: one for each name that it was given. */
  readonly bySyscall: Readonly<Record<string, number>>
  /** Failed calls by errno. */
  readonly byErrno: Readonly<Record<string, number>>
}
