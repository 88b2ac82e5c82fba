import { metrics, type Attributes } from '@opentelemetry/api'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { afterEach, describe, expect, it } from 'vitest'
import {
  addGauge,
  addMetricSink,
  count,
  HISTOGRAMS,
  observe,
  readGauge,
  registerGauges,
} from '../../../src/telemetry/index.js'
import { MemoryTelemetry } from '../../helpers/open-telemetry.js'

afterEach(() => metrics.disable())

const STARTS = 'container_sandbox.sandbox.starts'
const ENDS = 'container_sandbox.sandbox.ends'
const DURATION = 'container_sandbox.sandbox.start.duration'
const WAITING = 'container_sandbox.queue.waiting'

describe('with an SDK', () => {
  it('that is registered after the first numbers, what follows is told', async () => {
    count(STARTS, 1, { kind: 'cold' })
    observe(DURATION, 0.3)
    using sdk = new MemoryTelemetry()
    count(STARTS, 2, { kind: 'warm' })
    observe(DURATION, 0.3, { kind: 'cold' })
    expect(await sdk.pointsOf(STARTS)).toEqual([{ attributes: { 'container_sandbox.kind': 'warm' }, value: 2 }])
    const boundaries = [...HISTOGRAMS[DURATION].bounds]
    expect(await sdk.pointsOf(DURATION)).toMatchObject([{ value: { count: 1, sum: 0.3, buckets: { boundaries } } }])
  })

  it('that replaces another, each has its own', async () => {
    const first = new MemoryTelemetry()
    count(ENDS, 1, { reason: 'killed' })
    first.close()
    count(ENDS, 10, { reason: 'killed' })
    using second = new MemoryTelemetry()
    count(ENDS, 2, { reason: 'killed' })
    const attributes = { 'container_sandbox.reason': 'killed' }
    expect(await first.pointsOf(ENDS)).toEqual([{ attributes, value: 1 }])
    expect(await second.pointsOf(ENDS)).toEqual([{ attributes, value: 2 }])
  })

  it('the unit of each number is told', async () => {
    using sdk = new MemoryTelemetry()
    count('container_sandbox.build.bytes', 5, { kind: 'source' })
    observe(DURATION, 1)
    expect((await sdk.points()).map(({ unit }) => unit)).toEqual(['By', 's'])
  })
})

describe('a gauge', () => {
  it.each([
    ['registerGauges()', () => registerGauges()],
    ['the next count', () => count(ENDS)],
    ['the next value', () => observe(DURATION, 1)],
    ['the next gauge', () => addGauge('container_sandbox.queue.running', () => [])()],
  ])('that was there before the SDK is read after %s', async (_, tell) => {
    const end = addGauge(WAITING, () => [{ value: 7 }])
    try {
      using sdk = new MemoryTelemetry()
      expect(await sdk.pointsOf(WAITING)).toEqual([])
      tell()
      expect(await sdk.pointsOf(WAITING)).toEqual([{ attributes: {}, value: 7 }])
    } finally {
      end()
    }
  })

  it('is read no more once it has ended, and by no SDK that is gone', async () => {
    let reads = 0
    const end = addGauge(WAITING, () => [{ value: (reads += 1) }])
    const old = new MemoryTelemetry()
    registerGauges()
    await old.points()
    expect(reads).toBe(1)
    old.close()
    registerGauges()
    await old.points()
    expect(reads).toBe(1)
    end()
    expect(readGauge(WAITING)).toEqual([])
  })

  it('adds up what several tell, and does without one that throws', () => {
    const attributes = { template: 'default' }
    const ends = [
      addGauge('container_sandbox.pool.idle', () => [{ value: 1, attributes }]),
      addGauge('container_sandbox.pool.idle', () => [{ value: 2, attributes }, { value: 4 }, { value: NaN }]),
      addGauge('container_sandbox.pool.idle', () => {
        throw new Error('a reader that fails')
      }),
    ]
    expect(readGauge('container_sandbox.pool.idle')).toEqual([
      { value: 3, attributes },
      { value: 4, attributes: {} },
    ])
    for (const end of ends) end()
  })
})

describe('attributes', () => {
  const told = (given: Parameters<typeof count>[2], name: Parameters<typeof count>[0] = ENDS) => {
    const seen: unknown[] = []
    const end = addMetricSink({ count: (...all) => seen.push(all[2]), observe: () => undefined })
    count(name, 1, given)
    end()
    return seen[0]
  }

  it('are those of the instrument alone, and of its values alone', () => {
    expect(told({ reason: 'oom' })).toEqual({ reason: 'oom' })
    expect(told({ reason: 'whatever a guest may say', tenant: 'acme' })).toEqual({ reason: 'other' })
    expect(told(JSON.parse('{"__proto__":"x","constructor":"y"}') as Attributes)).toEqual({})
  })

  it('without a list are bounded in number and length', () => {
    const values = new Set<unknown>()
    for (let index = 0; index < 1_000; index += 1)
      values.add(
        (told({ 'error.type': `E${index}${'x'.repeat(500)}\u202e` }, STARTS) as Record<string, string>)['error.type'],
      )
    expect(values.size).toBeLessThanOrEqual(101)
    expect(values).toContain('other')
    for (const value of values) expect((value as string).length).toBeLessThanOrEqual(64)
  })
})

it('what is no amount is not told, and nobody fails for it', async () => {
  using sdk = new MemoryTelemetry()
  for (const value of [NaN, -1, Infinity, -Infinity]) {
    count(ENDS, value)
    observe(DURATION, value)
  }
  expect(await sdk.points()).toEqual([])
})

it('costs next to nothing when nobody listens', () => {
  const attributes = { reason: 'killed' }
  const nanoseconds = (work: () => void): number => {
    const rounds = 200_000
    let best = Infinity
    for (let block = 0; block < 5; block += 1) {
      const started = process.hrtime.bigint()
      for (let round = 0; round < rounds; round += 1) work()
      best = Math.min(best, Number(process.hrtime.bigint() - started) / rounds)
    }
    return best
  }
  const idle = nanoseconds(() => count(ENDS, 1, attributes))
  metrics.setGlobalMeterProvider(new MeterProvider())
  const busy = nanoseconds(() => count(ENDS, 1, attributes))
  console.info(`count(): ${idle.toFixed(0)} ns without an SDK, ${busy.toFixed(0)} ns with one`)
  expect(idle).toBeLessThan(1_000)
  expect(idle).toBeLessThan(busy)
})
