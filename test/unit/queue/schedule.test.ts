import { expect, test } from 'vitest'
import { parseTenantQueueOptions } from '../../../src/options/index.js'
import { tenantQueueRules } from '../../../src/queue/queue-rules.js'
import { Schedule } from '../../../src/queue/schedule.js'
import { heldBytes } from '../../helpers/memory.js'

const MiB = 1024 ** 2

const rules = tenantQueueRules(parseTenantQueueOptions({ concurrency: 1, maxWaiting: 100_000 }))
const request = (id: string, tenant: string) => ({
  ...{ id, tenant, cost: 1, priority: 0, units: 0, enqueuedAtMs: 0 },
  run: () => Promise.resolve(),
})

test('tenants that have no job any more take no memory', () => {
  const schedule = new Schedule(rules)
  const before = heldBytes()
  for (let index = 0; index < 30_000; index++) {
    schedule.add(request('ran', `team${index}/a`))
    schedule.take()
    schedule.add(request('removed', `team${index}/b`))
    schedule.release('ran')
    schedule.remove('removed')
    schedule.add(request('alone', `other${index}/a`))
    schedule.take()
    schedule.release('alone')
  }
  expect(heldBytes() - before).toBeLessThan(4 * MiB)
  expect([schedule.waiting, schedule.running]).toEqual([0, 0])
})

test('10,000 jobs of as many tenants that wait take less than 2 KiB each', () => {
  const schedule = new Schedule(rules)
  const before = heldBytes()
  for (let index = 0; index < 10_000; index++) schedule.add(request(`job${index}`, `tenant${index}`))
  expect(heldBytes() - before).toBeLessThan(10_000 * 2048)
  expect(schedule.ready()).toBe(1)
})
