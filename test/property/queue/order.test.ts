import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { QueueRules } from '../../../src/queue/queue-rules.js'
import { Schedule } from '../../../src/queue/schedule.js'
import { cost, priority, rules, tenant, TENANTS } from './arbitraries.js'
import { ReferenceQueue } from './reference-queue.js'

type Step =
  | { readonly do: 'add'; tenant: string; cost: number; priority: number; units: number }
  | { readonly do: 'take' }
  | { readonly do: 'end' | 'cancel'; readonly which: number }
  | { readonly do: 'prioritize'; readonly which: number; readonly priority: number }
  | { readonly do: 'wait'; readonly ms: number }

const units = fc.constantFrom(0, 0, 1, 3, 8)
const which = fc.nat(30)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('add' as const), tenant, cost, priority, units }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('take' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('end' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('prioritize' as const), which, priority }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 30 }) }) },
)

test('the order is that of a plain model that walks round by round', () => {
  fc.assert(
    fc.property(rules, fc.array(step, { minLength: 20, maxLength: 120, size: 'max' }), (queueRules, steps) => {
      compare(queueRules, steps)
    }),
    { numRuns: 300 },
  )
})

function compare(queueRules: QueueRules, steps: readonly Step[]): void {
  const schedule = new Schedule(queueRules)
  const model = new ReferenceQueue(queueRules)
  let nowMs = 0
  const nth = (isRunning: boolean, index: number): string | undefined => {
    const ids = model.jobs.filter((job) => (job.state === 'running') === isRunning).map(({ id }) => id)
    return ids[index % Math.max(1, ids.length)]
  }
  for (const [index, each] of steps.entries()) {
    if (each.do === 'add') {
      const id = String(index)
      schedule.add({ ...each, id, enqueuedAtMs: nowMs, run: () => Promise.resolve() })
      model.add({ ...each, id, atMs: nowMs })
    } else if (each.do === 'wait') {
      nowMs += each.ms
    } else if (each.do === 'take') {
      const expected = model.take()
      expect(schedule.ready() > 0).toBe(expected !== null)
      expect(schedule.take()?.id).toBe(expected?.id)
    } else if (each.do === 'prioritize') {
      const id = nth(false, each.which)
      if (id === undefined) continue
      schedule.setPriority(id, each.priority)
      model.setPriority(id, each.priority)
    } else {
      const id = nth(each.do === 'end', each.which)
      if (id === undefined) continue
      if (each.do === 'end') schedule.release(id)
      else expect(schedule.remove(id)).toBe(true)
      model.end(id)
    }
    for (const name of TENANTS) {
      expect(schedule.depth(name)).toEqual({
        waiting: model.count(name, 'waiting', 'held'),
        running: model.count(name, 'running'),
      })
    }
  }
  expectExactSize(schedule, queueRules)
}

/** `ready` is what p-queue takes for the size: so many may start, and not one more. */
function expectExactSize(schedule: Schedule, { capacity }: QueueRules): void {
  const ready = schedule.ready()
  let started = 0
  while (schedule.take() !== undefined) started++
  if (capacity === Infinity) expect(started).toBe(ready)
  else expect(started > 0).toBe(ready > 0)
  expect(schedule.ready()).toBe(0)
}
