import { expect, test } from 'vitest'
import { parseFairQueueOptions, parseTenantQueueOptions } from '../../../src/options/index.js'
import { FairQueue, TenantQueue } from '../../../src/queue/index.js'
import { refused } from '../options/refused.js'

test('defaults', () => {
  const bounds = { maxWaiting: 10_000, maxWaitingPerTenant: 2_000, ageingMs: 60_000, tenants: {} }
  expect(parseFairQueueOptions()).toEqual(bounds)
  expect(parseTenantQueueOptions({ concurrency: 2 })).toEqual({
    ...bounds,
    concurrency: 2,
    capacity: null,
    maxRunningPerTenant: null,
  })
  expect(parseTenantQueueOptions({ concurrency: 2, tenants: { 'a/b': {} } }).tenants).toEqual({
    'a/b': { weight: 1, maxRunning: null, maxWaiting: null },
  })
})

const ofBoth: [string, unknown][] = [
  ['maxWaiting', 0],
  ['maxWaiting', null],
  ['maxWaiting', 1.5],
  ['maxWaitingPerTenant', 0],
  ['maxWaitingPerTenant', '5'],
  ['ageingMs', 0],
  ['ageingMs', Infinity],
  ['tenants', []],
  ['tenants', null],
]

test.each(ofBoth)('FairQueue.with({ %s: %o })', (name, value) => {
  const { issues } = refused(() => FairQueue.with({ [name]: value }))
  expect(issues.map(({ path }) => path)).toEqual([name])
})

test.each<[string, unknown]>([
  ...ofBoth,
  ['concurrency', 0],
  ['concurrency', Infinity],
  ['concurrency', undefined],
  ['capacity', 0],
  ['capacity', 0.5],
  ['maxRunningPerTenant', 0],
])('new TenantQueue({ %s: %o })', (name, value) => {
  const { issues } = refused(() => new TenantQueue({ concurrency: 1, [name]: value }))
  expect(issues.map(({ path }) => path)).toEqual([name])
})

test.each<[string, unknown]>([
  ['weight', 0],
  ['weight', -1],
  ['weight', NaN],
  ['weight', 1001],
  ['maxRunning', 0],
  ['maxWaiting', 0],
])('tenants: { acme: { %s: %o } }', (name, value) => {
  const { issues } = refused(() => new TenantQueue({ concurrency: 1, tenants: { acme: { [name]: value } } }))
  expect(issues.map(({ path }) => path)).toEqual([`tenants.acme.${name}`])
})

test('what a FairQueue cannot do is refused, not ignored', () => {
  expect(refused(() => FairQueue.with({ tenants: { a: { maxRunning: 1 } } } as object)).message).toContain(
    'tenants.a.maxRunning: unknown option',
  )
  expect(refused(() => FairQueue.with({ capacity: 1 } as object)).message).toContain('capacity: unknown option')
})

const jobsOfBoth: [string, unknown][] = [
  ['tenant', ''],
  ['tenant', 'a//b'],
  ['tenant', 'a/b/c/d/e'],
  ['tenant', 1],
  ['cost', 0],
  ['cost', -1],
  ['cost', Infinity],
  ['cost', 1e7],
  ['priority', 1001],
  ['priority', NaN],
  ['id', 5],
  ['weight', 1],
]

test.each(jobsOfBoth)('a job of a FairQueue with { %s: %o }', (name, value) => {
  const queue = new FairQueue()
  refused(() => queue.enqueue(() => Promise.resolve(), { tenant: 'a', [name]: value }))
  expect(queue.waiting).toBe(0)
})

test.each<[string, unknown]>([
  ...jobsOfBoth,
  ['tenant', undefined],
  ['units', -1],
  ['units', 0.5],
  ['units', null],
  ['signal', {}],
  ['id', ''],
  ['id', '#1'],
  ['id', 'x'.repeat(129)],
])('a job of a TenantQueue with { %s: %o }', async (name, value) => {
  const queue = new TenantQueue({ concurrency: 1 })
  const error = await queue
    .add(() => expect.fail('it ran'), { tenant: 'a', [name]: value })
    .catch((reason: unknown) => reason)
  const { message } = refused(() => {
    throw error
  })
  expect(message).toContain(name)
  expect([queue.waiting, queue.running]).toEqual([0, 0])
})
