/**
 * One event as one line of a log.
 *
 * Texts are the guest's, so a line holds nothing that could move a terminal, change the direction of text or forge another line:
 * what is not printable is escaped as `\uXXXX` and reads back as it was. So `cat` of a log is safe.
 */
import type { BuildEvent } from '../build-events.js'
import { escapeUnprintable } from '../../printable.js'

/**
 * The longest line that is written, in bytes with its end. The text of an output event, of 32 Ki UTF-16 units, fits in it also when
 * each unit takes the 6 bytes of an escape.
 */
export const MAX_LINE_BYTES = 256 * 1024

/** How a larger event is cut, level by level. The last fits for any build that the options allow. */
const CUTS = [
  { units: Infinity, entries: 1000 },
  { units: 1024, entries: 100 },
  { units: 48, entries: 0 },
]
const MAX_ENTRIES = 512

/** A line with its end. The texts of an event that is too large are cut, and it names fewer artifacts or none. */
export function formatEventLine(event: BuildEvent): Buffer {
  const line = encode(JSON.stringify(event))
  if (line.length <= MAX_LINE_BYTES) return line
  let shorter = line
  for (const cut of CUTS) {
    shorter = encode(JSON.stringify(event, (key, value: unknown) => cutValue(key, value, cut)))
    if (shorter.length <= MAX_LINE_BYTES) break
  }
  return shorter
}

function encode(json: string): Buffer {
  return Buffer.from(`${escapeUnprintable(json)}\n`)
}

function cutValue(key: string, value: unknown, { units, entries }: (typeof CUTS)[number]): unknown {
  if (typeof value === 'string') return value.length <= units ? value : `${value.slice(0, units - 1)}…`
  if (!Array.isArray(value)) return value
  const whole: readonly unknown[] = value
  return whole.slice(0, key === 'artifacts' ? entries : MAX_ENTRIES)
}
