/** Gathers what a report shows from a stream of events, in memory of bounded size. */
import type { AccessEvent, GapEvent, TraceEvent, TraceEventBase, TraceMode } from '../event.js'
import { ownText } from '../own-text.js'
import { joinCommand } from '../printable-name.js'
import { isRefusal } from '../refusal.js'
import { FileTree } from './file-tree.js'
import { ProcessLanes } from './process-lanes.js'
import { Tally } from './tally.js'

/** Something that the policy or the kernel refused. */
export interface RefusedCall {
  readonly timeMs: number
  readonly processId: number
  readonly command: string
  readonly syscall: string
  readonly mode: TraceMode | null
  /** `null` for a call that names nothing. */
  readonly path: string | null
  readonly errno: string | null
}

/** A program that was executed, or tried. */
export interface ExecutedProgram {
  readonly path: string
  readonly errno: string | null
}

/** A connection that was tried, or an address that was bound. */
export interface TriedConnection {
  readonly mode: 'connect' | 'bind'
  readonly syscall: string
  readonly address: string
  readonly errno: string | null
}

/** A signal that one process sent to another. */
export interface SentSignal {
  readonly processId: number
  readonly command: string
  readonly target: number
  readonly signal: string
  readonly errno: string | null
}

/** How much of each kind is kept. */
export interface ReportLimits {
  readonly processes: number
  readonly files: number
  readonly rows: number
}

const DEFAULT_LIMITS: ReportLimits = { processes: 5_000, files: 20_000, rows: 500 }

/** What a report shows. Feed it every event, in any number. */
export class ReportCollector {
  readonly lanes: ProcessLanes
  readonly files: FileTree
  readonly violations: Tally<RefusedCall>
  readonly refusals: Tally<RefusedCall>
  readonly programs: Tally<ExecutedProgram>
  readonly connections: Tally<TriedConnection>
  readonly sockets: Tally<string>
  readonly signals: Tally<SentSignal>
  readonly unknown: Tally<string>
  /** Events of each mode. */
  readonly modes = new Map<TraceMode, number>()
  /** Uses of each system call. */
  readonly syscalls = new Map<string, number>()
  events = 0
  /** Events that never got here. */
  dropped = 0
  firstMs: number | null = null
  lastMs: number | null = null

  constructor(limits: Partial<ReportLimits> = {}) {
    const { processes, files, rows } = { ...DEFAULT_LIMITS, ...limits }
    this.lanes = new ProcessLanes(processes)
    this.files = new FileTree(files)
    this.violations = new Tally(rows)
    this.refusals = new Tally(rows)
    this.programs = new Tally(rows)
    this.connections = new Tally(rows)
    this.sockets = new Tally(rows)
    this.signals = new Tally(rows)
    this.unknown = new Tally(rows)
  }

  add(event: TraceEvent | GapEvent): void {
    if (event.kind === 'gap') {
      this.dropped += event.dropped
      return
    }
    this.events += 1
    if (event.kind === 'unknown') {
      const text = ownText(event.text.slice(0, 1_000))
      this.unknown.add(text, () => text)
      return
    }
    this.firstMs = Math.min(this.firstMs ?? event.timeMs, event.timeMs)
    this.lastMs = Math.max(this.lastMs ?? event.timeMs, event.timeMs)
    if ('syscall' in event) count(this.syscalls, event.syscall, 1_000)
    switch (event.kind) {
      case 'access':
        return this.#addAccess(event)
      case 'start':
      case 'exit':
        return this.lanes.addProcess(event)
      case 'socket': {
        const { family, type, errno } = event
        const text = `${family} ${type}${errno === null ? '' : ` ${errno}`}`
        this.lanes.touch(event)
        return this.sockets.add(text, () => ownText(text))
      }
      case 'kill': {
        const { processId, target, sent: signal, errno } = event
        this.lanes.touch(event)
        return this.signals.add(JSON.stringify([processId, target, signal, errno]), () => {
          return { processId, command: shortCommand(event), target, signal, errno }
        })
      }
      case 'refused': {
        const { timeMs, processId, architecture, errno } = event
        const syscall = architecture === 'x86_64' ? event.syscall : `${event.syscall} (${architecture})`
        this.lanes.touch(event)
        return this.refusals.add(JSON.stringify([processId, syscall, errno]), () => {
          return { timeMs, processId, command: shortCommand(event), syscall, mode: null, path: null, errno }
        })
      }
    }
  }

  #addAccess(event: AccessEvent): void {
    count(this.modes, event.mode, 20)
    const path = ownText((event.path ?? event.file).slice(0, 4_200))
    const { timeMs, processId, syscall, mode, errno } = event
    const refused = errno !== null && isRefusal(errno)
    const table = event.allowed ? (refused ? this.refusals : null) : this.violations
    table?.add(JSON.stringify([processId, syscall, mode, path, errno]), () => {
      return { timeMs, processId, command: shortCommand(event), syscall, mode, path, errno }
    })
    this.files.add(event, refused)
    if (mode === 'exec') this.programs.add(JSON.stringify([path, errno]), () => ({ path, errno }))
    if (mode === 'connect' || mode === 'bind') {
      const connection: TriedConnection = { mode, syscall, address: path, errno }
      this.connections.add(JSON.stringify([mode, syscall, path, errno]), () => connection)
    }
    const tick = !event.allowed ? 'violation' : refused ? 'refused' : mode === 'exec' ? 'exec' : null
    this.lanes.addAccess(event, tick)
  }
}

function shortCommand(event: TraceEventBase): string {
  return ownText(joinCommand(event.command, 200))
}

function count<K>(map: Map<K, number>, key: K, maxKeys: number): void {
  if (map.size < maxKeys || map.has(key)) map.set(key, (map.get(key) ?? 0) + 1)
}
