import type { FileHandle } from 'node:fs/promises'
import { parseEventLine } from './event-schema.js'
import { LogLines } from './log-lines.js'

/** What is known of a log that is gone on with. */
export interface ScannedLog {
  /** Up to the end of the last whole line. */
  readonly bytes: number
  readonly nextSeq: number
  readonly truncated: boolean
  readonly finished: boolean
}

/** Reads a whole log; damaged lines stay where they are. */
export async function scanLog(file: FileHandle): Promise<ScannedLog> {
  const lines = new LogLines(file)
  let nextSeq = 0
  let truncated = false
  let finished = false
  for await (const line of lines.read()) {
    const event = parseEventLine(line.toString())
    if (event === null) continue
    nextSeq = Math.max(nextSeq, event.seq + 1)
    truncated ||= event.type === 'truncated'
    finished ||= event.type === 'finished'
  }
  return { bytes: lines.place, nextSeq, truncated, finished }
}
