/** From the bytes of strace's log to records. */
import { findGluedLine } from './death.js'
import { Joiner } from './joiner.js'
import { parseLine, unknownLine } from './line-parser.js'
import { LineSplitter } from './line-splitter.js'
import type { TraceRecord } from './record.js'

/** What {@link TraceReader} needs. */
export interface TraceReaderOptions {
  readonly onRecord: (record: TraceRecord) => void
  /** A longer line becomes an unknown record. Default 2 MiB. */
  readonly maxLineBytes?: number
}

/**
 * Reads what strace 6.1 writes with `-f -ttt -y -s 512 -o FILE`. Each line gives at least one record, and none of them can be
 * forged by what a guest puts into names and arguments. Never throws, unless `onRecord` does.
 */
export class TraceReader {
  readonly #splitter: LineSplitter
  readonly #joiner: Joiner
  #lines = 0
  #unknown = 0

  constructor({ onRecord, maxLineBytes }: TraceReaderOptions) {
    this.#joiner = new Joiner({
      onRecord: (record) => {
        if (record.kind === 'unknown') this.#unknown++
        onRecord(record)
      },
    })
    this.#splitter = new LineSplitter({
      onLine: (line) => this.#read(line),
      onBrokenLine: (start) => {
        this.#lines++
        this.#joiner.accept(unknownLine(start))
      },
      ...(maxLineBytes === undefined ? {} : { maxLineBytes }),
    })
  }

  /** Lines so far, those that were not understood included. */
  get lines(): number {
    return this.#lines
  }

  /** Unknown records so far. */
  get unknown(): number {
    return this.#unknown
  }

  push(chunk: Buffer): void {
    this.#splitter.push(chunk)
  }

  /** No more bytes come: calls that have not ended are given out as such. */
  end(): void {
    this.#splitter.end()
    this.#joiner.end()
  }

  #read(line: string): void {
    this.#lines++
    const parsed = parseLine(line)
    const gluedAt = parsed.kind === 'unknown' ? findGluedLine(line) : -1
    const first = gluedAt < 0 ? parsed : parseLine(`${line.slice(0, gluedAt)} <unfinished ...>`)
    if (first.kind !== 'begun' || gluedAt < 0) {
      this.#joiner.accept(parsed)
      return
    }
    this.#joiner.accept(first)
    this.#joiner.accept(parseLine(line.slice(gluedAt)))
  }
}
