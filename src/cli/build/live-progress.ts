/** A build on a terminal: a line for each step that has ended, and below them what runs now with what it printed last. */
import type { BuildEvent, BuildResult, StepResult } from '../../runner/build-events.js'
import type { Paint, Style } from '../trace/event-line.js'
import { describeEnd, describeEvent, formatDuration, hasSucceeded, showName } from './event-text.js'
import { LiveRegion, MIN_COLUMNS, type LiveRow } from './live-region.js'
import { roomIn, type Progress, type ProgressSink } from './progress.js'
import { StepOutput } from './step-output.js'
import { cutToWidth, textWidth } from './text-width.js'

/** The eye takes no more than ten changes in a second. */
const MIN_REDRAW_MS = 100
/** How often the time of what runs is counted on. */
const TICK_MS = 1_000
/** Lines of a step that failed. */
const TAIL_LINES = 20
/** A violation that is only reported can come a thousand times. */
const MAX_NOTICES = 50

/** What it works with. */
export interface LiveProgressOptions {
  readonly sink: ProgressSink
  readonly paint: Paint
  /** Columns of the terminal at this moment. */
  readonly columns: () => number
  /** Default: the clock of this process, which no change of the date moves. */
  readonly now?: () => number
}

/** What runs now. */
interface Current {
  readonly text: string
  readonly sinceMs: number
  readonly output: StepOutput | null
}

/** Draws at most ten times in a second, and leaves the screen as it is when it ends. */
export class LiveProgress implements Progress {
  readonly #options: Required<LiveProgressOptions>
  readonly #region = new LiveRegion()
  #lasting: string[] = []
  #current: Current | null = null
  #stepCount = 0
  #notices = 0
  #timer: NodeJS.Timeout | null = null
  #drawnMs = -Infinity

  constructor(options: LiveProgressOptions) {
    this.#options = { now: () => performance.now(), ...options }
  }

  async add(event: BuildEvent): Promise<void> {
    this.#take(event)
    this.#schedule()
    await roomIn(this.#options.sink)
  }

  note(text: string): void {
    this.#lasting.push(this.#options.paint('yellow', text))
    this.#schedule()
  }

  end(result?: BuildResult): void {
    for (const { index, name, outcome } of result?.steps ?? [])
      if (outcome === 'skipped') this.#keep('–', this.#title(index, name), 'dim', 'skipped')
    if (this.#notices > MAX_NOTICES)
      this.#lasting.push(this.#options.paint('red', `  and ${this.#notices - MAX_NOTICES} more`))
    this.#notices = 0
    this.#current = null
    this.#draw()
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  #take(event: BuildEvent): void {
    switch (event.type) {
      case 'queued':
        this.#stepCount = event.steps.length
        return this.#begin(`starting build ${event.id}`)
      case 'step':
        if (event.state === 'finished') return this.#endStep(event.result)
        return this.#begin(this.#title(event.index, event.name), new StepOutput(TAIL_LINES))
      case 'output':
        this.#current?.output?.push(event)
        return
      case 'violation':
        this.#notices += 1
        if (this.#notices <= MAX_NOTICES) this.#keep('!', describeEvent(event) ?? '', 'red')
        return
      case 'finished':
        this.#current = null
        return
      default: {
        const text = describeEvent(event)
        if (text !== null) this.#keep('✓', text, 'dim')
        if (event.type === 'started') this.#begin('preparing')
      }
    }
  }

  #begin(text: string, output: StepOutput | null = null): void {
    this.#current = { text, sinceMs: this.#options.now(), output }
  }

  #title(index: number, name: string): string {
    return `[${index + 1}/${this.#stepCount}] ${showName(name)}`
  }

  #endStep(result: StepResult): void {
    const title = this.#title(result.index, result.name)
    const output = this.#current?.output ?? null
    const isLast = result.index + 1 === this.#stepCount || !(hasSucceeded(result) || result.continued)
    this.#begin(isLast ? 'finishing' : 'next')
    const time = formatDuration(result.durationMs)
    if (hasSucceeded(result)) return this.#keep('✓', title, null, time)
    const end = `${describeEnd(result)}${result.continued ? ', goes on' : ''}  ${time}`
    this.#keep(result.continued ? '!' : '✗', title, result.continued ? 'yellow' : 'red', end)
    if (output !== null) this.#keepTail(output)
  }

  #keepTail(output: StepOutput): void {
    const { paint } = this.#options
    output.end()
    const { lines, dropped } = output.tail
    if (dropped > 0) this.#lasting.push(paint('dim', `    … ${dropped.toLocaleString('en-US')} lines before`))
    // Not cut: of an error message the end can matter.
    for (const line of lines) this.#lasting.push(`  ${paint('dim', '|')} ${line}`.trimEnd())
  }

  #keep(mark: string, text: string, style: Style | null, end: string = ''): void {
    const { paint } = this.#options
    const line = this.#fit(`${mark} ${text}`, end)
    this.#lasting.push(style === null ? line : paint(style, line))
  }

  /** One row: of a long name the beginning, with the end of the line behind it. */
  #fit(text: string, end: string): string {
    const columns = Math.max(MIN_COLUMNS, this.#options.columns()) - 1
    if (end === '') return cutToWidth(text, columns)
    return cutToWidth(`${cutToWidth(text, Math.max(MIN_COLUMNS / 2, columns - textWidth(end) - 2))}  ${end}`, columns)
  }

  #rows(): readonly LiveRow[] {
    const { paint, now } = this.#options
    if (this.#current === null) return []
    const { text, sinceMs, output } = this.#current
    const plain = (row: string): string => row
    const status = { text: this.#fit(`● ${text}`, formatDuration(now() - sinceMs)), paint: plain }
    const newest = output?.newest ?? ''
    return newest === '' ? [status] : [status, { text: `  | ${newest}`, paint: (row: string) => paint('dim', row) }]
  }

  #schedule(): void {
    const due = Math.max(0, this.#drawnMs + MIN_REDRAW_MS - this.#options.now())
    this.#wake(due)
  }

  #wake(delayMs: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#draw()
      if (this.#current !== null) this.#wake(TICK_MS)
    }, delayMs)
  }

  #draw(): void {
    const { sink, columns, now } = this.#options
    this.#drawnMs = now()
    if (sink.destroyed) return
    const lasting = this.#lasting
    this.#lasting = []
    const text = this.#region.draw(lasting, this.#rows(), columns())
    if (text !== '') sink.write(text)
  }
}
