import { Counter, Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { addGauge, count, metricsText, MetricsRegistry, observe } from '../../../src/telemetry/index.js'
import { COUNTERS, GAUGES, HISTOGRAMS } from '../../../src/telemetry/index.js'
import { parseExposition } from '../../helpers/exposition.js'

let registry: MetricsRegistry
beforeEach(() => void (registry = new MetricsRegistry()))
afterEach(() => registry.close())

const families = async () => parseExposition(await registry.text())
const samplesOf = async (name: string) => (await families()).get(name)?.samples ?? []

describe('the exposition', () => {
  it('has every instrument under the name that Prometheus asks for', async () => {
    const found = await families()
    expect(found.size).toBe(Object.keys({ ...COUNTERS, ...HISTOGRAMS, ...GAUGES }).length)
    for (const [name, { type }] of found) {
      expect(name).toMatch(/^container_sandbox_[a-z_]+$/)
      expect(name.endsWith('_total')).toBe(type === 'counter')
      if (type === 'histogram') expect(name).toMatch(/_seconds$/)
    }
    expect([...found.keys()]).toEqual(
      expect.arrayContaining([
        'container_sandbox_build_bytes_total',
        'container_sandbox_sandbox_start_duration_seconds',
        'container_sandbox_queue_waiting',
      ]),
    )
  })

  it('has what was told since the registry was made', async () => {
    count('container_sandbox.command.ends', 1, { outcome: 'oom' })
    count('container_sandbox.command.ends', 2, { outcome: 'oom' })
    observe('container_sandbox.engine.request.duration', 0.02, {
      operation: 'container.create',
      'http.response.status_code': 201,
    })
    const oom = (await samplesOf('container_sandbox_command_ends_total')).filter(
      ({ labels }) => labels['outcome'] === 'oom',
    )
    expect(oom).toMatchObject([{ value: 3 }])
    const requests = await samplesOf('container_sandbox_engine_request_duration_seconds')
    const labels = { operation: 'container.create', http_response_status_code: '201' }
    expect(requests.find(({ name }) => name.endsWith('_sum'))).toMatchObject({ labels, value: 0.02 })
    const bucket = (le: string) => requests.find(({ labels }) => labels['le'] === le)?.value
    expect([bucket('0.01'), bucket('0.025'), bucket('+Inf')]).toEqual([0, 1, 1])
  })

  it('has the values that are known from the beginning, at zero', async () => {
    const limits = await samplesOf('container_sandbox_limit_hits_total')
    expect(limits.map(({ labels, value }) => [labels['limit'], value])).toContainEqual(['memory', 0])
  })

  it('reads gauges when it is asked, and shows none that has ended', async () => {
    let value = 1
    const end = addGauge('container_sandbox.pool.idle', () => [{ value, attributes: { template: 'a"b\\c\nd' } }])
    const idle = () => samplesOf('container_sandbox_pool_idle')
    expect((await idle()).map((sample) => sample.value)).toEqual([1])
    value = 5
    expect(await idle()).toEqual([
      { name: 'container_sandbox_pool_idle', labels: { template: 'a"b\\c\\nd' }, value: 5 },
    ])
    end()
    expect(await idle()).toEqual([])
  })

  it('does not grow with what a guest may choose', async () => {
    const before = (await registry.text()).length
    for (let index = 0; index < 10_000; index += 1) {
      count('container_sandbox.command.ends', 1, { outcome: `outcome ${index}` })
      count('container_sandbox.pool.discards', 1, { reason: 'used', [`label_${index}`]: 'x' })
    }
    const ends = await samplesOf('container_sandbox_command_ends_total')
    expect(ends.filter(({ value }) => value > 0)).toMatchObject([{ labels: { outcome: 'other' }, value: 10_000 }])
    expect((await registry.text()).length).toBeLessThan(before + 200)
  })
})

describe('a registry', () => {
  it('of the caller’s own gets the metrics beside those that it has, and can be rid of them', async () => {
    const own = new Registry()
    new Counter({ name: 'mine_total', help: 'Mine.', registers: [own] })
    const metrics = new MetricsRegistry(own)
    const names = async () => [...parseExposition(await own.metrics()).keys()]
    expect(await names()).toEqual(expect.arrayContaining(['mine_total', 'container_sandbox_sandbox_starts_total']))
    expect(() => new MetricsRegistry(own)).toThrow(/already been registered/)
    metrics.close()
    metrics.close()
    expect(await names()).toEqual(['mine_total'])
  })

  it('that has one of the names is left as it was', async () => {
    const own = new Registry()
    new Counter({ name: 'container_sandbox_build_ends_total', help: 'Mine.', registers: [own] })
    expect(() => new MetricsRegistry(own)).toThrow(/build_ends_total has already been registered/)
    expect([...parseExposition(await own.metrics()).keys()]).toEqual(['container_sandbox_build_ends_total'])
  })

  it('counts for itself, and no more after its end', async () => {
    using other = new MetricsRegistry()
    registry.close()
    count('container_sandbox.queue.rejections')
    const found = parseExposition(await other.text()).get('container_sandbox_queue_rejections_total')
    expect(found?.samples).toMatchObject([{ labels: {}, value: 1 }])
    expect(await registry.text()).toBe('\n')
  })
})

it('metricsText() is a registry for the whole process', async () => {
  await metricsText()
  count('container_sandbox.build.ends', 3, { outcome: 'succeeded' })
  const ends = parseExposition(await metricsText()).get('container_sandbox_build_ends_total')
  expect(ends?.samples.find(({ labels }) => labels['outcome'] === 'succeeded')?.value).toBe(3)
})

describe('the checker of these tests', () => {
  const family = '# HELP a_total A.\n# TYPE a_total counter\n'
  it.each([
    ['no end of line', `${family}a_total 1`],
    ['no head', 'a_total 1\n'],
    ['no HELP', '# TYPE a_total counter\na_total 1\n'],
    ['a series twice', `${family}a_total{x="1"} 1\na_total{x="1"} 2\n`],
    ['a stranger’s sample', `${family}b_total 1\n`],
    ['an open label', `${family}a_total{x="1} 1\n`],
    ['a label without a comma', `${family}a_total{x="1"y="2"} 1\n`],
    ['a bad escape', `${family}a_total{x="\\t"} 1\n`],
    ['no value', `${family}a_total{x="1"} undefined\n`],
    [
      'a histogram that falls',
      '# HELP h H.\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n',
    ],
    ['a histogram without an end', '# HELP h H.\n# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 1\nh_count 1\n'],
  ])('refuses %s', (_, text) => {
    expect(() => parseExposition(text)).toThrow()
  })
})
