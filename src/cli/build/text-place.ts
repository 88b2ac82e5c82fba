/** Places in a text, and how they are shown. */
import { cutToWidth, textWidth } from './text-width.js'
import { escapeUnprintable } from '../../printable.js'

/** A part of a text, as offsets in UTF-16 units. */
export interface Place {
  readonly start: number
  readonly end: number
}

/** A text is not what it should be, at a place. */
export class TextProblem extends Error {
  readonly place: Place

  constructor(message: string, place: Place) {
    super(message)
    this.place = place
  }
}

/** Wider frames are cut around the place. */
const MAX_COLUMNS = 100
/** What is shown before the place in a line that is cut. */
const LEAD_CHARS = 40

/** Line and column of an offset, both from 1; columns count characters. */
export function lineAndColumn(text: string, offset: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, offset)
  const start = before.lastIndexOf('\n') + 1
  return { line: before.split('\n').length, column: [...before.slice(start)].length + 1 }
}

/**
 * The line of a place with the one before it, and a mark below:
 *
 *       6 |   - name: test
 *     > 7 |     timeoutMs: soon
 *         |                ^^^^
 */
export function codeFrame(text: string, place: Place): string {
  const { line } = lineAndColumn(text, place.start)
  const start = text.lastIndexOf('\n', place.start - 1) + 1
  const lines = text.slice(0, endOfLine(text, place.start)).split('\n').slice(-2)
  const column = place.start - start
  const from = column > LEAD_CHARS + 20 ? column - LEAD_CHARS : 0
  const current = lines.at(-1) ?? ''
  const gutter = String(line).length
  const lead = show(current.slice(from, column))
  const marked = show(current.slice(column, Math.max(column + 1, place.end - start)))
  const marks = '^'.repeat(Math.max(1, Math.min(textWidth(marked), MAX_COLUMNS - textWidth(lead))))
  const above = lines.length > 1 ? [`  ${String(line - 1).padStart(gutter)} | ${cut(lines[0] ?? '')}`] : []
  const cutMark = from > 0 ? '…' : ''
  return [
    ...above,
    `> ${line} | ${cutMark}${cut(current.slice(from))}`,
    `  ${' '.repeat(gutter)} | ${' '.repeat(textWidth(lead) + cutMark.length)}${marks}`,
  ]
    .map((row) => row.trimEnd())
    .join('\n')
}

function endOfLine(text: string, offset: number): number {
  const end = text.indexOf('\n', offset)
  return end < 0 ? text.length : end
}

function show(part: string): string {
  return escapeUnprintable(part.replaceAll('\t', ' ').replaceAll('\r', ''))
}

function cut(line: string): string {
  return cutToWidth(show(line.slice(0, MAX_COLUMNS * 2)), MAX_COLUMNS)
}
