/** The last rows of a terminal, which are written anew in place. */
import { cutToWidth, textWidth } from './text-width.js'

/** One row: its text, and what sets it off without taking columns. */
export interface LiveRow {
  readonly text: string
  readonly paint: (text: string) => string
}

/** Narrower terminals are taken for this wide. */
export const MIN_COLUMNS = 20

/** Makes what is written to a terminal out of lines that stay and rows that are replaced. */
export class LiveRegion {
  #widths: readonly number[] = []

  /**
   * @param lasting - lines that stay, without line end
   * @param rows - what follows them until the next call
   * @param columns - width of the terminal
   * @returns text with control sequences (ECMA-48: CUU, ED)
   */
  draw(lasting: readonly string[], rows: readonly LiveRow[], columns: number): string {
    const width = Math.max(MIN_COLUMNS, columns)
    const erase = this.#erase(width)
    // A row that fills the last column would leave the cursor in a place that terminals do not agree about.
    const cut = rows.map(({ text, paint }) => ({ text: cutToWidth(text, width - 1), paint }))
    this.#widths = cut.map(({ text }) => textWidth(text))
    return erase + lasting.map((line) => `${line}\n`).join('') + cut.map(({ text, paint }) => paint(text)).join('\n')
  }

  #erase(columns: number): string {
    if (this.#widths.length === 0) return ''
    // A terminal that became narrower has wrapped them.
    const rows = this.#widths.reduce((sum, width) => sum + Math.max(1, Math.ceil(width / columns)), 0)
    return `\r${rows > 1 ? `\u001b[${rows - 1}A` : ''}\u001b[J`
  }
}
