/** What the command line prints of its own. The output of a guest does not pass through here. */
import { printable } from '../printable.js'
import { DescriptorWriter } from './descriptor-writer.js'

/** Longest line of our own; foreign text is cut long before. */
const MAX_LINE_CHARS = 16_384

/** Characters that a JSON text may hold but that a terminal acts on: they become `\uXXXX`, which is the same JSON. */
const UNSAFE_IN_JSON = /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g

/** Where the command line writes. Everything but the output of guests is escaped on the way. */
export class Terminal {
  /** Also takes the output of guests, unchanged. */
  readonly output = new DescriptorWriter(1)
  readonly errorOutput = new DescriptorWriter(2)

  constructor() {
    // A reader that went away (`| head`) is no failure: what is left to print has nobody to read it.
    this.output.on('error', () => undefined)
    this.errorOutput.on('error', () => undefined)
  }

  /** Prints lines; control characters in them are escaped, line ends are not. */
  print(text: string): void {
    this.output.write(`${escapeLines(text)}\n`)
  }

  printError(text: string): void {
    this.errorOutput.write(`container-sandbox: ${escapeLines(text)}\n`)
  }

  printJson(value: unknown): void {
    this.output.write(`${formatJson(value)}\n`)
  }

  /** Resolves when everything is written or nobody reads any more. */
  async flush(): Promise<void> {
    await Promise.all([this.output, this.errorOutput].map(finish))
  }
}

function finish(stream: DescriptorWriter): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.writableFinished) return resolve()
    stream.once('close', () => resolve())
    stream.end()
  })
}

/** Escapes control and direction characters of every line. */
export function escapeLines(text: string): string {
  return text
    .split('\n')
    .map((line) => printable(line, MAX_LINE_CHARS))
    .join('\n')
}

/** JSON that is safe to show in a terminal. */
export function formatJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(
    UNSAFE_IN_JSON,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Columns as wide as their widest cell, two spaces between them. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const safe = [header, ...rows].map((row) => row.map((cell) => printable(cell, 160)))
  const widths = header.map((_, column) => Math.max(...safe.map((row) => row[column]?.length ?? 0)))
  return safe
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** An age or a remaining time in its largest unit: `45s`, `12m`, `3h`, `2d`. */
export function formatSpan(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000))
  if (seconds < 120) return `${seconds}s`
  if (seconds < 7_200) return `${Math.floor(seconds / 60)}m`
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)}h`
  return `${Math.floor(seconds / 86_400)}d`
}
