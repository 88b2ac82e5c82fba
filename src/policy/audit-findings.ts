import type { Mismatch } from './observation.js'

/** Longest text of a value in a mismatch, in characters: values can come from the guest. */
const MAX_SHOWN = 200

/** Collects differences of one source. Values are shown as JSON, cut: what a guest reports stays harmless in a terminal. */
export class Findings {
  readonly mismatches: Mismatch[] = []
  readonly #source: Mismatch['source']

  constructor(source: Mismatch['source']) {
    this.#source = source
  }

  add(field: string, wanted: unknown, found: unknown): void {
    this.mismatches.push({ field, wanted: show(wanted), found: show(found), source: this.#source })
  }

  /** Adds a difference unless `found` is exactly `wanted`. */
  same(
    field: string,
    wanted: string | number | boolean | null,
    found: string | number | boolean | null | undefined,
  ): void {
    if (found !== wanted) this.add(field, wanted, found)
  }

  /** Adds a difference unless `found` is one of `allowed`. */
  oneOf(field: string, allowed: readonly string[], found: string): void {
    if (!allowed.includes(found)) this.add(field, allowed.join(' or '), found)
  }

  /** Adds a difference unless both have the same elements, in any order. */
  sameSet(field: string, wanted: readonly string[] | null, found: readonly string[] | null): void {
    const equal = wanted === null || found === null ? wanted === found : sorted(wanted) === sorted(found)
    if (!equal) this.add(field, wanted, found)
  }
}

function sorted(values: readonly string[]): string {
  return JSON.stringify([...values].sort())
}

function show(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing')
  const printable = text.replace(/[^\x20-\x7e]/g, '?')
  return printable.length > MAX_SHOWN ? `${printable.slice(0, MAX_SHOWN)}…` : printable
}
