import type { Violation } from './event.js'
import { ownText } from './own-text.js'

/** Each violation has up to 8,192 bytes of names, and a command line of up to 64 × 512 characters. */
const MAX_VIOLATIONS = 1_000
const MAX_TEXT_UNITS = 1024 * 1024

/** The first violations, and the number of all. */
export class ViolationList {
  readonly #violations: Violation[] = []
  readonly #commands = new WeakMap<readonly string[], readonly string[]>()
  #count = 0
  #textUnits = 0

  /** All that were added. */
  get count(): number {
    return this.#count
  }

  get omitted(): number {
    return this.#count - this.#violations.length
  }

  add(violation: Violation): void {
    this.#count += 1
    // Once one was left out all later ones are, or the list would have holes.
    if (this.omitted > 1 || this.#violations.length >= MAX_VIOLATIONS) return
    const command = this.#commands.get(violation.command) ?? violation.command.map(ownText)
    const units =
      violation.file.length +
      (violation.path?.length ?? 0) +
      (this.#commands.has(violation.command) ? 0 : textUnits(command))
    if (this.#textUnits + units > MAX_TEXT_UNITS) return
    this.#textUnits += units
    this.#commands.set(violation.command, command)
    const path = violation.path === null ? null : ownText(violation.path)
    this.#violations.push({ ...violation, file: ownText(violation.file), path, command })
  }

  /** In the order in which they were added. */
  toList(): Violation[] {
    return [...this.#violations]
  }
}

function textUnits(texts: readonly string[]): number {
  return texts.reduce((units, text) => units + text.length, 0)
}
