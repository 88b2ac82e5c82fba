/** The lines that one step has printed. */
import type { BuildEvent } from '../../runner/build-events.js'
import { LineCutter } from './output-lines.js'

type Output = Extract<BuildEvent, { readonly type: 'output' }>

/** Both streams of a step in the order in which their lines became complete. */
export class StepOutput {
  readonly #cutters = { stdout: new LineCutter(), stderr: new LineCutter() }
  readonly #keep: number
  readonly #tail: string[] = []
  #dropped = 0
  #newest: Output['stream'] = 'stdout'

  /** @param keep - the last lines that are remembered */
  constructor(keep: number) {
    this.#keep = keep
  }

  /** @returns the lines that it completed, escaped */
  push({ stream, text }: Output): readonly string[] {
    this.#newest = stream
    return this.#remember(this.#cutters[stream].push(text))
  }

  /** @returns what has no line end */
  end(): readonly string[] {
    return this.#remember([...this.#cutters.stdout.end(), ...this.#cutters.stderr.end()])
  }

  /** The last lines, and how many were before them. */
  get tail(): { readonly lines: readonly string[]; readonly dropped: number } {
    return { lines: this.#tail, dropped: this.#dropped }
  }

  /** What was printed last, be its line complete or not; empty when nothing was. */
  get newest(): string {
    return this.#cutters[this.#newest].rest || (this.#tail.findLast((line) => line.trim() !== '') ?? '')
  }

  #remember(lines: readonly string[]): readonly string[] {
    const kept = this.#keep === 0 ? [] : lines.slice(-this.#keep)
    this.#tail.push(...kept)
    const extra = Math.max(0, this.#tail.length - this.#keep)
    this.#tail.splice(0, extra)
    this.#dropped += extra + lines.length - kept.length
    return lines
  }
}
