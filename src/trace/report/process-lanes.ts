/** The processes of a sandbox over time, in bounded memory. */
import type { AccessEvent, ProcessEvent, TraceEventBase } from '../event.js'
import { ownText } from '../own-text.js'
import { joinCommand } from '../printable-name.js'

/** A moment in the life of a process. */
export interface Tick {
  readonly timeMs: number
  readonly kind: 'exec' | 'refused' | 'violation'
  readonly text: string
}

/** One process. */
export interface Lane {
  readonly processId: number
  readonly parent: Lane | null
  readonly children: Lane[]
  readonly startMs: number
  /** `null`: it was still there at the end, or its end was not seen. */
  endMs: number | null
  command: string
  /** Whether `command` is its own, and not that of the process which made it. */
  executed: boolean
  exitCode: number | null
  signal: string | null
  threads: number
  readonly ticks: Tick[]
  hiddenTicks: number
}

/** In one lane. */
const MAX_TICKS = 32
/** On average. */
const TICKS_PER_LANE = 4
const MAX_COMMAND_CHARS = 600

/** Collects lanes until there are `maxLanes`, then only counts. */
export class ProcessLanes {
  readonly roots: Lane[] = []
  /** All lanes. */
  count = 0
  /** Processes without a lane. */
  hidden = 0
  readonly #maxLanes: number
  #ticks = 0
  /** A process id is used again after its process has ended, so only living ones are looked up. */
  readonly #living = new Map<number, Lane>()
  readonly #lastCommands = new WeakMap<Lane, readonly string[]>()
  readonly #hiddenIds = new Set<number>()

  constructor(maxLanes: number) {
    this.#maxLanes = maxLanes
  }

  /** A process or a thread began or ended. */
  addProcess(event: ProcessEvent): void {
    if (event.thread) {
      if (event.kind === 'start') {
        const lane = this.#laneOf(event)
        if (lane !== null) lane.threads += 1
      }
      return
    }
    if (event.kind === 'start') {
      this.#living.delete(event.processId)
      this.#hiddenIds.delete(event.processId)
    }
    const lane = this.#laneOf(event, event.kind === 'start' ? event.parentId : null)
    if (event.kind === 'start') return
    this.#living.delete(event.processId)
    this.#hiddenIds.delete(event.processId)
    if (lane === null) return
    lane.endMs = event.timeMs
    lane.exitCode = event.exitCode
    lane.signal = event.signal
  }

  /** A process did something. @param kind - what is marked in its lane, if anything */
  addAccess(event: AccessEvent, kind: Tick['kind'] | null): void {
    const lane = this.#laneOf(event)
    if (lane === null) return
    if (event.mode === 'exec' && event.errno === null) lane.executed = true
    if (kind === null) return
    if (lane.ticks.length >= MAX_TICKS || this.#ticks >= TICKS_PER_LANE * this.#maxLanes) {
      // Violations are what a reader looks for: they take the place of something else.
      const other = kind === 'violation' ? lane.ticks.findIndex((tick) => tick.kind !== 'violation') : -1
      lane.hiddenTicks += 1
      if (other < 0) return
      lane.ticks.splice(other, 1)
    } else this.#ticks += 1
    const text = `${event.mode} ${(event.path ?? event.file).slice(0, 200)}${event.errno === null ? '' : ` ${event.errno}`}`
    lane.ticks.push({ timeMs: event.timeMs, kind, text: ownText(text) })
  }

  /** A process was seen. */
  touch(event: TraceEventBase): void {
    this.#laneOf(event)
  }

  #laneOf(event: TraceEventBase, parentId: number | null = null): Lane | null {
    const living = this.#living.get(event.processId)
    if (living !== undefined) {
      this.#follow(living, event.command)
      return living
    }
    if (this.count >= this.#maxLanes) {
      // Each is counted once while it lives; the set is as small as the number of processes at one time.
      if (!this.#hiddenIds.has(event.processId)) this.hidden += 1
      this.#hiddenIds.add(event.processId)
      return null
    }
    const parent = parentId === null ? null : (this.#living.get(parentId) ?? null)
    const lane: Lane = {
      processId: event.processId,
      parent,
      children: [],
      startMs: event.timeMs,
      endMs: null,
      command: '',
      executed: false,
      exitCode: null,
      signal: null,
      threads: 0,
      ticks: [],
      hiddenTicks: 0,
    }
    this.#follow(lane, event.command)
    this.count += 1
    this.#living.set(event.processId, lane)
    const siblings = parent === null ? this.roots : parent.children
    siblings.push(lane)
    return lane
  }

  #follow(lane: Lane, command: readonly string[]): void {
    if (command.length === 0 || this.#lastCommands.get(lane) === command) return
    this.#lastCommands.set(lane, command)
    lane.command = ownText(joinCommand(command, MAX_COMMAND_CHARS))
  }
}
