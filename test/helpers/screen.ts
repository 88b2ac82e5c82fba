/** What a terminal would show. */
import { textWidth } from '../../src/cli/build/text-width.js'

/** A terminal that knows what the progress of a build uses of one, and refuses the rest. */
export class Screen {
  rows: string[] = ['']
  #row = 0
  #column = 0

  constructor(readonly columns: number) {}

  feed(text: string): void {
    for (const [part] of text.matchAll(/\u001b\[(\d*)([A-Za-z])|[^]/gu)) {
      if (part === '\n') {
        this.#row += 1
        this.#column = 0
        this.rows[this.#row] ??= ''
      } else if (part === '\r') this.#column = 0
      else if (part.endsWith('A') && part.length > 1) this.#row -= Number(part.slice(2, -1))
      else if (part === '\u001b[J') {
        this.rows.length = this.#row + 1
        this.rows[this.#row] = (this.rows[this.#row] ?? '').slice(0, this.#column)
      } else if (part.length > 2) throw new Error(`what is ${JSON.stringify(part)}?`)
      else {
        this.rows[this.#row] = `${this.rows[this.#row] ?? ''}${part}`
        this.#column += textWidth(part)
        if (this.#column >= this.columns) throw new Error('a row was filled to its end')
      }
    }
  }
}
