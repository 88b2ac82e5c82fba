/** Events as lines for a terminal. */
import type { TraceEvent } from '../../trace/index.js'
import { printableName } from '../../trace/printable-name.js'
import { isRefusal } from '../../trace/refusal.js'

/** How text is set off. */
export type Style = 'dim' | 'red' | 'yellow'

/** Sets text off, or leaves it as it is. */
export type Paint = (style: Style, text: string) => string

const CODES: Readonly<Record<Style, readonly [on: string, off: string]>> = {
  dim: ['\u001b[2m', '\u001b[22m'],
  red: ['\u001b[1;31m', '\u001b[39;22m'],
  yellow: ['\u001b[33m', '\u001b[39m'],
}

const COLOURED: Paint = (style, text) => `${CODES[style][0]}${text}${CODES[style][1]}`
const PLAIN: Paint = (_style, text) => text

/** What decides about colours. */
export interface ColourFacts {
  /** `--no-color` was not given. */
  readonly wanted: boolean
  readonly isTerminal: boolean
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Colours only for a terminal that knows them, and not with `NO_COLOR` of any value (no-color.org). */
export function choosePaint({ wanted, isTerminal, env }: ColourFacts): Paint {
  return wanted && isTerminal && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb' ? COLOURED : PLAIN
}

/** Longest name in a line. */
const MAX_NAME_CHARS = 400

/** `true` for an access that the policy does not allow. */
export function isViolation(event: TraceEvent): boolean {
  return event.kind === 'access' && !event.allowed
}

/**
 * One line for an event: time since the start in seconds, process, what it did. `null` for threads, which come and go with
 * their process.
 */
export function formatEvent(event: TraceEvent, startMs: number, paint: Paint): string | null {
  if (event.kind === 'unknown') return paint('yellow', `not understood: ${printableName(event.text, MAX_NAME_CHARS)}`)
  if ((event.kind === 'start' || event.kind === 'exit') && event.thread) return null
  const seconds = (Math.max(0, event.timeMs - startMs) / 1_000).toFixed(3)
  const head = paint('dim', `${seconds.padStart(8)} ${String(event.processId).padStart(5)}`)
  const [mode, text] = describe(event)
  const errno = 'errno' in event ? event.errno : null
  const result = errno === null ? '' : ` → ${errno}`
  if (isViolation(event)) return `${head} ${paint('red', `${mode.padEnd(8)} ${text}${result}  not allowed`)}`
  const line = `${mode.padEnd(8)} ${text}`
  // Programs look for each library in a dozen folders: what was not there steps back.
  if (errno === 'ENOENT') return `${head} ${paint('dim', `${line}${result}`)}`
  return `${head} ${line}${errno !== null && isRefusal(errno) ? paint('yellow', result) : result}`
}

function describe(event: Exclude<TraceEvent, { kind: 'unknown' }>): [mode: string, text: string] {
  const name = (text: string): string => printableName(text, MAX_NAME_CHARS)
  switch (event.kind) {
    case 'access':
      return [event.mode, name(event.path ?? event.file)]
    case 'start':
      return ['start', event.parentId === null ? '' : `by ${event.parentId}`]
    case 'exit':
      return ['exit', name(event.signal ?? String(event.exitCode ?? 'unknown'))]
    case 'socket':
      return ['socket', name(`${event.family} ${event.type}`)]
    case 'kill':
      return ['kill', name(`${event.target} ${event.sent}`)]
    case 'refused':
      return [
        'call',
        name(event.architecture === 'x86_64' ? event.syscall : `${event.syscall} (${event.architecture})`),
      ]
  }
}
