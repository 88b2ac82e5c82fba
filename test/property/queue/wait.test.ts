/**
 * How long one waits beside others. A job of cost c of a tenant of weight w comes due after c / (w × quantum) rounds. Until then
 * another of weight v is credited v × (c / w + quantum), and has at most its largest cost and one credit left from before: so much
 * service each of the others gets at most, however much it has submitted.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { QUANTUM } from '../../../src/queue/deficit-ring.js'
import { Fair, FirstCome, Flat, type Arrival, type Discipline } from './disciplines.js'

const LIGHT = 'light'

interface Beside {
  /** All others together are so many top-level tenants. */
  readonly others: number
  /** What is there before. */
  readonly arrivals: Iterable<Arrival>
}

/** What one of the others gets at most, at weight 1, before a job of cost `c`. */
const share = (c: number, largest: number): number => largest + c + 2 * QUANTUM

/** Cost of what starts before the light tenant's one job. */
function servedBefore(queue: Discipline, arrivals: Iterable<Arrival>, earlier: number, job: Arrival): number {
  for (const arrival of arrivals) queue.add(arrival)
  for (let turn = 0; turn < earlier; turn++) queue.next()
  queue.add(job)
  let served = 0
  for (;;) {
    const next = queue.next()
    if (next === undefined) return expect.fail('it never started')
    if (next === job) return served
    served += next.cost
  }
}

function* tenThousandOfOne(): Iterable<Arrival> {
  for (let index = 0; index < 10_000; index++) yield { tenant: 'flood', cost: 1, priority: index % 7 }
}

function* aThousandNames(): Iterable<Arrival> {
  for (let index = 0; index < 10_000; index++) yield { tenant: `flood/name${index % 1_000}`, cost: 1 }
}

const floods: [string, Beside][] = [
  ['one that submits 10,000', { others: 1, arrivals: [...tenThousandOfOne()] }],
  ['one that submits 10,000 under 1,000 names', { others: 1, arrivals: [...aThousandNames()] }],
  ['both', { others: 2, arrivals: [...tenThousandOfOne(), ...[...aThousandNames()].map(renamed)] }],
]

test.each(floods)('a light tenant beside %s waits for its share and no longer', (_name, { others, arrivals }) => {
  for (const earlier of [0, 1, 17, 5_000]) {
    const before = servedBefore(new Fair(), arrivals, earlier, { tenant: LIGHT, cost: 1 })
    expect(before).toBeLessThanOrEqual(others * share(1, 1))
  }
})

test('without shares it waits for all of them; without levels, for each name', () => {
  const job = { tenant: LIGHT, cost: 1 }
  expect(servedBefore(new FirstCome(), tenThousandOfOne(), 17, job)).toBe(9_983)
  expect(servedBefore(new Flat(), aThousandNames(), 17, job)).toBeGreaterThanOrEqual(999)
})

test('for any pattern: nobody waits longer than its share among those who are there', () => {
  const cost = fc.constantFrom(0.1, 1, 1, 3, 20)
  const other = fc.constantFrom('b', 'c', 'c/x', 'c/y', 'd/x/1', 'd/x/2')
  const arrivals = fc.array(fc.record({ tenant: other, cost, priority: fc.integer({ min: -5, max: 5 }) }), {
    maxLength: 300,
    size: 'max',
  })
  const weights = fc.dictionary(fc.constantFrom('b', 'c', 'd', LIGHT), fc.constantFrom(0.5, 1, 4))
  fc.assert(
    fc.property(arrivals, weights, cost, fc.nat(200), (before, weightOf, own, earlier) => {
      const job = { tenant: `${LIGHT}/x`, cost: own }
      const served = servedBefore(new Fair(weightOf), before, earlier, job)
      const perWeight = own / (weightOf[LIGHT] ?? 1) + 2 * QUANTUM
      const bound = ['b', 'c', 'd'].reduce((sum, name) => {
        const costs = before.filter(({ tenant }) => tenant.split('/')[0] === name).map((each) => each.cost)
        return costs.length === 0 ? sum : sum + Math.max(...costs) + perWeight * (weightOf[name] ?? 1)
      }, 0)
      expect(served).toBeLessThanOrEqual(bound + 1e-6)
    }),
    { numRuns: 500 },
  )
})

function renamed({ tenant, ...job }: Arrival): Arrival {
  return { ...job, tenant: `other${tenant}` }
}
