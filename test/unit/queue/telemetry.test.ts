import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { QueueFullError } from '../../../src/errors.js'
import { TenantQueue } from '../../../src/queue/index.js'
import { addMetricSink, readGauge } from '../../../src/telemetry/index.js'
import { HeldJobs } from './held-jobs.js'

const gauge = (name: 'waiting' | 'running') =>
  readGauge(`container_sandbox.queue.${name}`).reduce((sum, { value }) => sum + value, 0)

test('the gauges sum up all queues, and forget those that have no jobs', async () => {
  const jobs = new HeldJobs()
  const queues = [1, 2].map(() => new TenantQueue({ concurrency: 1 }))
  for (const [index, queue] of queues.entries()) {
    for (const job of [0, 1, 2]) void queue.add(jobs.work(`${index}.${job}`), { tenant: 'a' }).catch(() => undefined)
  }
  expect([gauge('waiting'), gauge('running')]).toEqual([4, 2])
  queues[0]?.clear()
  expect([gauge('waiting'), gauge('running')]).toEqual([2, 2])
  await jobs.drain()
  expect([gauge('waiting'), gauge('running')]).toEqual([0, 0])
})

test('waits and refusals are told, with no name of a tenant among the numbers', async () => {
  const told: string[] = []
  const messages: unknown[] = []
  const listen = (message: unknown): unknown => messages.push(message)
  const end = addMetricSink({
    count: (name, value, attributes) => told.push(`${name} ${value} ${JSON.stringify(attributes)}`),
    observe: (name, value, attributes) => told.push(`${name} ${value >= 0 && value < 5} ${JSON.stringify(attributes)}`),
  })
  subscribe('container-sandbox:queue:reject', listen)
  try {
    const queue = new TenantQueue({ concurrency: 1, maxWaitingPerTenant: 1 })
    const both = [1, 2].map(() => queue.add(() => setImmediate(), { tenant: 'acme/alice' }))
    await expect(queue.add(() => undefined, { tenant: 'acme/bob' })).rejects.toThrow(QueueFullError)
    await Promise.all(both)
  } finally {
    end()
    unsubscribe('container-sandbox:queue:reject', listen)
  }
  expect(told).toEqual([
    'container_sandbox.queue.wait true {}',
    'container_sandbox.queue.rejections 1 {}',
    'container_sandbox.queue.wait true {}',
  ])
  expect(messages).toEqual([{ tenant: 'acme/bob', waiting: 1, limit: 1 }])
})
