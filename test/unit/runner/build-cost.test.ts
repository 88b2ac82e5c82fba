import { expect, test } from 'vitest'
import { parseBuildOptions, parseRunnerOptions } from '../../../src/options/index.js'
import { costOf, memoryOf } from '../../../src/runner/build-sandbox.js'
import { TenantQueue } from '../../../src/queue/index.js'

const runner = parseRunnerOptions({ limits: { memoryBytes: '256MiB' }, memoryBytes: '2GiB' })
const build = (options: object) => parseBuildOptions({ tenant: 'a', steps: [{ run: 'true' }], ...options })

test.each<[given: object, cost: number]>([
  [{}, 1],
  [{ cost: 3 }, 3],
  [{ limits: { memoryBytes: '128MiB' } }, 1],
  [{ limits: { memoryBytes: '512MiB' } }, 2],
  [{ limits: { memoryBytes: '2GiB' }, cost: 0.5 }, 4],
])('%j costs %d', (given, cost) => {
  expect(costOf(build(given), runner)).toBe(cost)
})

test('a tenant gains nothing by builds that take the memory of all', async () => {
  const queue = new TenantQueue({ concurrency: 8, capacity: runner.memoryBytes })
  const started: string[] = []
  const hold = (tenant: string, limits: object | null) => {
    const options = build({ limits })
    const budget = { cost: costOf(options, runner), units: memoryOf(options, runner) }
    return queue.add(() => void started.push(tenant), { tenant, ...budget })
  }
  const work = Array.from({ length: 80 }, () => [hold('mallory', { memoryBytes: '2GiB' }), hold('alice', null)]).flat()
  await Promise.all(work)
  // One of mallory's for eight of alice's: it takes the place of eight.
  expect(started.slice(0, 72).filter((tenant) => tenant === 'mallory').length).toBeLessThanOrEqual(10)
})
