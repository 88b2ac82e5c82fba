/** Events on stderr while they happen. */
import type { GapEvent, TraceEvent } from '../../trace/index.js'
import { formatEvent, isViolation, type Paint } from './event-line.js'

/** Where lines go, and how much of what was written is still on its way there. */
export interface LineSink {
  write(text: string): unknown
  readonly writableLength: number
}

/** What is printed. */
export type ViewMode = 'all' | 'violations' | 'none'

/** What a view works with. */
export interface LiveViewOptions {
  readonly sink: LineSink
  readonly mode: ViewMode
  readonly startMs: number
  readonly paint: Paint
}

/** Nobody reads faster, and a terminal that scrolls more than this is busy with nothing else. */
const MAX_LINES_PER_FLUSH = 400
const FLUSH_MS = 100
/** When so many bytes are on their way, the terminal cannot keep up. */
const MAX_BACKLOG_BYTES = 128 * 1024
/** Violations are worth more patience. */
const MAX_VIOLATION_BACKLOG_BYTES = 1024 * 1024

/** Prints what fits, and says how many events it left out. */
export class LiveView {
  readonly #options: LiveViewOptions
  #lines: string[] = []
  #chars = 0
  #skipped = 0
  #timer: NodeJS.Timeout | null = null

  constructor(options: LiveViewOptions) {
    this.#options = options
  }

  add(event: TraceEvent | GapEvent): void {
    const { mode, startMs, paint } = this.#options
    if (mode === 'none') return
    if (event.kind === 'gap') {
      // What was lost can have been a violation, so it is told in each mode.
      this.#skipped += event.dropped
      return this.#schedule()
    }
    const violation = isViolation(event)
    if (mode === 'violations' && !violation) return
    if (!this.#hasRoom(violation)) {
      this.#skipped += 1
      return this.#schedule()
    }
    const line = formatEvent(event, startMs, paint)
    if (line !== null) this.#push(line)
  }

  /** Prints what waits. */
  end(): void {
    this.#flush()
  }

  #hasRoom(violation: boolean): boolean {
    const backlog = this.#options.sink.writableLength + this.#chars
    if (violation) return backlog < MAX_VIOLATION_BACKLOG_BYTES
    return this.#lines.length < MAX_LINES_PER_FLUSH && backlog < MAX_BACKLOG_BYTES
  }

  #push(line: string): void {
    // At the place where they were left out, as well as it can be told.
    this.#flushSkipped()
    this.#lines.push(line)
    this.#chars += line.length
    this.#schedule()
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS)
  }

  #flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#flushSkipped()
    if (this.#lines.length === 0) return
    this.#options.sink.write(`${this.#lines.join('\n')}\n`)
    this.#lines = []
    this.#chars = 0
  }

  #flushSkipped(): void {
    if (this.#skipped === 0) return
    const noun = this.#skipped === 1 ? 'event' : 'events'
    this.#lines.push(this.#options.paint('dim', `… ${this.#skipped.toLocaleString('en-US')} ${noun} not shown`))
    this.#skipped = 0
  }
}
