/**
 * What a traced sandbox did, added up while it runs. Memory is bounded, whatever the guest does: each list holds the first
 * names that it was told, and how often there was more is counted exactly.
 */
import { BoundedTable, DEFAULT_TABLE_LIMITS, type TableLimits } from './bounded-table.js'
import type { AccessEvent, TraceEvent, TraceMode, Violation } from './event.js'
import { ownText } from './own-text.js'
import { isRefusal } from './refusal.js'
import { compareText, UseList, WordCounts, type NameUse } from './summary-lists.js'
import type { FileList, TraceSummary } from './summary-types.js'
import { ViolationList } from './violation-list.js'

export type { NameUse } from './summary-lists.js'
export type * from './summary-types.js'

/** What a call got that never returned: its process was ended inside it. */
const UNFINISHED = 'unfinished'

interface Refusal {
  readonly path: string | null
  readonly syscall: string
  readonly mode: TraceMode | null
  readonly errno: string
  count: number
}

/** Adds up events. */
export class TraceSummarizer {
  readonly #files: Readonly<Record<FileList, UseList>>
  readonly #programs: UseList
  readonly #arguments: BoundedTable<readonly string[]>
  readonly #connections: BoundedTable<WordCounts>
  readonly #refused: BoundedTable<Refusal>
  readonly #violations = new ViolationList()
  readonly #bySyscall = new WordCounts()
  readonly #byErrno = new WordCounts()
  #events = 0
  #processes = 0
  #threads = 0
  #unknownLines = 0

  /** @param limits of each list. Default 20,000 names with 2 Mi UTF-16 units together. */
  constructor(limits: TableLimits = DEFAULT_TABLE_LIMITS) {
    const list = () => new UseList(limits)
    this.#files = {
      read: list(),
      written: list(),
      created: list(),
      removed: list(),
      renamed: list(),
      metadata: list(),
    }
    this.#programs = list()
    this.#arguments = new BoundedTable(limits)
    this.#connections = new BoundedTable(limits)
    this.#refused = new BoundedTable(limits)
  }

  add(event: TraceEvent): void {
    this.#events += 1
    switch (event.kind) {
      case 'access':
        return this.#addAccess(event)
      case 'start':
        if (event.thread) this.#threads += 1
        else this.#processes += 1
        return
      case 'exit':
        return
      case 'socket':
        return this.#addCall('socket', event.errno)
      case 'kill':
        return this.#addCall(event.syscall, event.errno)
      case 'refused':
        return this.#addCall(event.syscall, event.errno ?? 'SIGSYS')
      case 'unknown':
        this.#unknownLines += 1
    }
  }

  /** What was added so far. */
  summary(): TraceSummary {
    const files = Object.entries(this.#files) as [FileList, UseList][]
    const lists = Object.fromEntries(files.map(([name, list]) => [name, list.toList()])) as Record<FileList, NameUse[]>
    const omitted = {
      ...(Object.fromEntries(files.map(([name, list]) => [name, list.omitted])) as Record<FileList, number>),
      programs: this.#programs.omitted,
      connections: this.#connections.omitted,
      refused: this.#refused.omitted,
      violations: this.#violations.omitted,
    }
    return {
      ...lists,
      programs: this.#programs.toList().map((use) => ({ ...use, argv: this.#arguments.get(use.path) ?? [] })),
      connections: [...this.#connections.entries()]
        .map(([address, results]) => ({ address, results: results.toRecord() }))
        .sort((left, right) => compareText(left.address, right.address)),
      refused: [...this.#refused.entries()]
        .sort(([left], [right]) => compareText(left, right))
        .map(([, use]) => ({ ...use })),
      violations: this.#violations.toList(),
      counts: {
        events: this.#events,
        processes: this.#processes,
        threads: this.#threads,
        violations: this.#violations.count,
        unknownLines: this.#unknownLines,
        bySyscall: this.#bySyscall.toRecord(),
        byErrno: this.#byErrno.toRecord(),
      },
      truncated: Object.values(omitted).some((count) => count > 0),
      omitted,
    }
  }

  #addAccess(event: AccessEvent): void {
    const { mode, errno, syscall } = event
    this.#bySyscall.add(syscall)
    if (errno !== null) this.#byErrno.add(errno)
    if (!event.allowed) this.#violations.add(event as Violation)
    const path = event.path ?? event.file
    const failure = errno ?? (event.result === null ? UNFINISHED : null)
    if (errno !== null && isRefusal(errno)) this.#addRefusal(`${path}\0${mode}\0${errno}`, path, syscall, mode, errno)
    if (event.access === 'connect') this.#addConnection(path, failure ?? 'ok')
    else if (mode === 'exec') this.#addProgram(path, failure, event.command)
    else if (mode !== 'metadata' || event.access === 'write') this.#files[FILE_LIST[mode]].add(path, failure)
  }

  #addCall(syscall: string, failure: string | null): void {
    this.#bySyscall.add(syscall)
    if (failure === null) return
    this.#byErrno.add(failure)
    if (failure === 'SIGSYS' || isRefusal(failure))
      this.#addRefusal(`${syscall}\0\0${failure}`, null, syscall, null, failure)
  }

  #addProgram(path: string, failure: string | null, argv: readonly string[]): void {
    this.#programs.add(path, failure)
    if (failure !== null || this.#arguments.get(path) !== undefined) return
    const own = argv.map(ownText)
    this.#arguments.add(
      ownText(path),
      own,
      own.reduce((units, text) => units + text.length, 0),
    )
  }

  #addConnection(address: string, result: string): void {
    let results = this.#connections.get(address)
    if (results === undefined) {
      results = new WordCounts()
      if (!this.#connections.add(ownText(address), results)) return
    }
    results.add(result)
  }

  #addRefusal(key: string, path: string | null, syscall: string, mode: TraceMode | null, errno: string): void {
    const known = this.#refused.get(key)
    if (known !== undefined) known.count += 1
    else {
      const own = { path: path === null ? null : ownText(path), syscall: ownText(syscall), mode, errno: ownText(errno) }
      this.#refused.add(ownText(key), { ...own, count: 1 })
    }
  }
}

const FILE_LIST: Readonly<Record<TraceMode, FileList>> = {
  read: 'read',
  write: 'written',
  create: 'created',
  remove: 'removed',
  rename: 'renamed',
  metadata: 'metadata',
  // What binds to a path of the file system makes a socket there; addresses, programs and connections have lists of their own.
  bind: 'created',
  exec: 'read',
  connect: 'read',
}
