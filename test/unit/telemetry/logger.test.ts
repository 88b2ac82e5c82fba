import { describe, expect, expectTypeOf, it } from 'vitest'
import { EngineUnavailableError } from '../../../src/errors.js'
import { consoleLogger, guardLogger, logRecord, noLogger, type Logger } from '../../../src/telemetry/index.js'

/** The methods of pino's `Logger` (10.x) as its types have them. */
interface PinoLogFn {
  <TMsg extends string = string>(msg: TMsg, ...args: unknown[]): void
  <T, TMsg extends string = string>(
    obj: [T] extends [object] ? T & object : T,
    msg?: T extends string ? never : TMsg,
    ...args: unknown[]
  ): void
}
interface PinoLogger {
  debug: PinoLogFn
  info: PinoLogFn
  warn: PinoLogFn
  error: PinoLogFn
  child<Levels extends string = never>(
    bindings: Record<string, unknown>,
    options?: { level?: Levels | string },
  ): PinoLogger
}

it('a logger of pino is one of ours as it is', () => {
  expectTypeOf<PinoLogger>().toExtend<Logger>()
  expectTypeOf<Pick<PinoLogger, 'debug' | 'info' | 'warn' | 'error'>>().toExtend<Logger>()
  expectTypeOf<Console>().toExtend<Omit<Logger, 'child'>>()
  // What takes the message first is none.
  expectTypeOf<Record<'debug' | 'info' | 'warn' | 'error', (message: string) => void>>().not.toExtend<Logger>()
})

function lines(level?: 'debug' | 'info' | 'warn' | 'error') {
  const written: string[] = []
  const logger = consoleLogger({ ...(level === undefined ? {} : { level }), write: (line) => written.push(line) })
  return { logger, records: () => written.map((line) => JSON.parse(line) as Record<string, unknown>), written }
}

describe('consoleLogger', () => {
  it('writes a line of JSON for each record, in pino’s words', () => {
    const { logger, records, written } = lines()
    logger.info({ buildId: 'b1', durationMs: 5 }, 'a build has ended')
    expect(written[0]).toMatch(/^[^\n]+\n$/)
    expect(records()).toEqual([
      { level: 30, time: expect.any(Number) as number, buildId: 'b1', durationMs: 5, msg: 'a build has ended' },
    ])
  })

  it('leaves out what is less grave', () => {
    const { logger, records } = lines('warn')
    for (const level of ['debug', 'info', 'warn', 'error'] as const) logger[level]({}, level)
    expect(records().map(({ level, msg }) => [level, msg])).toEqual([
      [40, 'warn'],
      [50, 'error'],
    ])
  })

  it('has children with bindings', () => {
    const { logger, records } = lines()
    logger.child?.({ tenant: 'acme' }).child?.({ buildId: 'b1' }).error({}, 'x')
    expect(records()).toMatchObject([{ tenant: 'acme', buildId: 'b1', msg: 'x' }])
  })

  it('tells of an error its code, words and stack', () => {
    const { logger, records, written } = lines()
    const err = new EngineUnavailableError('away\u202e')
    logger.error({ err }, 'no engine')
    expect(records()).toMatchObject([
      { err: { type: 'EngineUnavailableError', code: 'ERR_ENGINE_UNAVAILABLE', message: 'away\\u202e' } },
    ])
    // The stack begins with the words of the error as they are.
    expect(records()).toMatchObject([{ err: { stack: err.stack } }])
    expect(written[0]).toMatch(/^[\x20-\x7e]+\n$/)
  })

  it('lets no text forge a line or move a cursor', () => {
    const { logger, written } = lines()
    logger.info({ name: 'a\n{"level":60}\u001b[2J\u202e\u0085' }, 'b\r\n{"level":60}')
    expect(written).toHaveLength(1)
    expect(written[0]).toMatch(/^[\x20-\x7e]+\n$/)
  })
})

it('a record holds bounded, escaped texts and its error under err', () => {
  const error = new Error('x')
  const record = logRecord({ a: 'x'.repeat(5_000), b: undefined, c: null, cause: error, d: '\u001b' })
  expect(record).toEqual({ a: `${'x'.repeat(999)}…`, c: null, err: error, d: '\\u001b' })
})

it('noLogger writes nothing', () => {
  noLogger.error({}, 'x')
  expect(noLogger.child?.({})).toBe(noLogger)
})

it('a logger that throws breaks nothing', () => {
  const seen: string[] = []
  const fail = (_: unknown, message: string): never => {
    seen.push(message)
    throw new Error('no disk')
  }
  const logger = guardLogger({ debug: fail, info: fail, warn: fail, error: fail })
  for (const level of ['debug', 'info', 'warn', 'error'] as const) logger[level]({}, level)
  expect(seen).toEqual(['debug', 'info', 'warn', 'error'])
})
