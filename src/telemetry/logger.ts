/** Log records, in the shape of pino: first the record, then the message. A pino logger is taken as it is. */
import { escapeUnprintable, printable } from '../printable.js'
import { errorType } from './spans.js'

/** What one value of a record may be. An error stands under `err`. */
export type LogValue = string | number | boolean | null | undefined | Error

/** One record. Names have their unit: `durationMs`. */
export type LogRecord = Readonly<Record<string, LogValue>>

/** What writes log records. Its methods return at once and do not throw. */
export interface Logger {
  debug(record: LogRecord, message: string): void
  info(record: LogRecord, message: string): void
  warn(record: LogRecord, message: string): void
  error(record: LogRecord, message: string): void
  /** A logger whose records all hold `bindings`. */
  child?(bindings: Record<string, string | number | boolean | null>): Logger
}

/** How grave a record is, with pino's number for it. */
const LEVELS = { debug: 20, info: 30, warn: 40, error: 50 } as const

/** The level of a record. */
export type LogLevel = keyof typeof LEVELS

/** Longest text of a value, in UTF-16 units. */
const MAX_TEXT_LENGTH = 1_000

/** Longest stack of an error. */
const MAX_STACK_LENGTH = 8_000

/**
 * A record of values that may come from a guest: texts are escaped and cut at 1,000 characters, `undefined` is left out, an error
 * under another name moves to `err`.
 */
export function logRecord(values: LogRecord): LogRecord {
  const record: Record<string, LogValue> = {}
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined) continue
    if (value instanceof Error) record['err'] = value
    else record[name] = typeof value === 'string' ? printable(value, MAX_TEXT_LENGTH) : value
  }
  return record
}

/** Writes nothing. */
export const noLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => noLogger,
}

/** The same logger, of which no method throws: what tells of work must not break it. */
export function guardLogger(logger: Logger): Logger {
  const guarded =
    (level: LogLevel) =>
    (record: LogRecord, message: string): void => {
      try {
        logger[level](record, message)
      } catch {
        // Whom should it be told to?
      }
    }
  return { debug: guarded('debug'), info: guarded('info'), warn: guarded('warn'), error: guarded('error') }
}

/** One line per record, as JSON with pino's names: `level`, `time` (milliseconds since 1970), `msg`, `err`. */
export interface ConsoleLoggerOptions {
  /** The least grave level that is written. Default `info`. */
  readonly level?: LogLevel
  /** What takes the lines. Default: stderr. */
  readonly write?: (line: string) => void
}

/** A logger for programs that have none: lines of JSON on stderr, which `pino-pretty` reads too. */
export function consoleLogger(options: ConsoleLoggerOptions = {}): Logger {
  const { level = 'info', write = (line) => void process.stderr.write(line) } = options
  return lineLogger(LEVELS[level], write, {})
}

function lineLogger(least: number, write: (line: string) => void, bindings: LogRecord): Logger {
  const at = (level: number) => (record: LogRecord, message: string) => {
    if (level < least) return
    const { err, ...rest } = logRecord(record)
    const error = err instanceof Error ? { err: errorFields(err) } : {}
    const line = { level, time: Date.now(), ...bindings, ...rest, ...error, msg: printable(message, MAX_TEXT_LENGTH) }
    write(`${escapeUnprintable(JSON.stringify(line))}\n`)
  }
  return {
    debug: at(LEVELS.debug),
    info: at(LEVELS.info),
    warn: at(LEVELS.warn),
    error: at(LEVELS.error),
    child: (more) => lineLogger(least, write, { ...bindings, ...logRecord(more) }),
  }
}

function errorFields(error: Error): Record<string, string> {
  const message = printable(error.message, MAX_TEXT_LENGTH)
  const stack = (error.stack ?? '').slice(0, MAX_STACK_LENGTH)
  return { type: printable(error.name, 100), code: errorType(error), message, stack }
}
