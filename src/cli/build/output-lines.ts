/** Lines out of the pieces that a step prints. */
import { printable } from '../../printable.js'

/** Longest line that is shown; the log has the rest. */
const MAX_LINE_CHARS = 2_000
const TAB_COLUMNS = 8
/** Looked for in one go: a search for each would go over a text of many carriage returns again and again. */
const LINE_END = /[\r\n]/g

/**
 * Cuts text into lines that a terminal can show. A carriage return ends a line as a line feed does: what was printed before it
 * stays to be seen. Of a line without end its beginning is kept, and no more memory used.
 */
export class LineCutter {
  #open = ''
  #dropping = false
  /** A line feed right after a carriage return belongs to it. */
  #afterReturn = false

  /** @returns the lines that are complete now, escaped */
  push(text: string): string[] {
    const lines: string[] = []
    let at = 0
    while (at < text.length) {
      const end = nextEnd(text, at)
      this.#keep(text.slice(at, Math.min(end, at + MAX_LINE_CHARS + 1)), end - at)
      if (end === text.length) break
      const isFeed = text[end] === '\n'
      if (!(isFeed && this.#afterReturn && end === at && this.#open === '')) lines.push(this.#take())
      this.#afterReturn = !isFeed
      at = end + 1
    }
    return lines
  }

  /** What was printed since the last line end, escaped; empty when nothing was. */
  get rest(): string {
    return showLine(this.#open)
  }

  /** Ends the last line. */
  end(): string[] {
    return this.#open === '' ? [] : [this.#take()]
  }

  #keep(part: string, length: number): void {
    if (length > 0) this.#afterReturn = false
    if (this.#dropping) return
    this.#open += part
    this.#dropping = this.#open.length > MAX_LINE_CHARS
  }

  #take(): string {
    const line = this.#open
    this.#open = ''
    this.#dropping = false
    return showLine(line)
  }
}

function nextEnd(text: string, from: number): number {
  LINE_END.lastIndex = from
  return LINE_END.exec(text)?.index ?? text.length
}

function showLine(line: string): string {
  return printable(expandTabs(line), MAX_LINE_CHARS)
}

function expandTabs(line: string): string {
  if (!line.includes('\t')) return line
  let shown = ''
  for (const [index, part] of line.split('\t').entries()) {
    if (index > 0) shown += ' '.repeat(TAB_COLUMNS - (shown.length % TAB_COLUMNS))
    shown += part
  }
  return shown
}
