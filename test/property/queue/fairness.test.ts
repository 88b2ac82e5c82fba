/**
 * Service by weight. The bound, for two that have jobs waiting all the time: Shreedhar and Varghese 1995, lemmas 1 and 2; see
 * src/queue/deficit-ring.ts.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { QUANTUM } from '../../../src/queue/deficit-ring.js'
import { Fair, FirstCome, Flat, OneEach, Unweighted, type Arrival, type Discipline } from './disciplines.js'
import { isBelow } from './reference-queue.js'

interface Pattern {
  readonly weights: Readonly<Record<string, number>>
  /** Two of one parent that have jobs waiting all the time. */
  readonly watched: readonly [string, string]
  /** What the others, and the two in excess, submit before each turn. */
  readonly noise: readonly (readonly Arrival[])[]
  /** Costs of what the two submit, in turn. */
  readonly costs: readonly number[]
}

/** Where a watched one submits: itself, or names below it, of which some come and go. */
const WATCHED = { tenants: ['a', 'b'], nested: ['p/a', 'p/b'] } as const
const BELOW = ['', '/x', '/y', '/y/z'] as const

const cost = fc.constantFrom(0.01, 0.3, 1, 1, 2.5, 7, 40)
const weight = fc.constantFrom(0.3, 1, 1, 2, 10)
const someTenant = fc.constantFrom(
  'c',
  'd/e',
  'p/c',
  'p',
  ...Object.values(WATCHED).flatMap((two) => two.flatMap(below)),
)
const arrival: fc.Arbitrary<Arrival> = fc.record({ tenant: someTenant, cost })

const pattern: fc.Arbitrary<Pattern> = fc.record({
  weights: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'p', 'p/a', 'p/b', 'a/x', 'p/a/y'), weight),
  watched: fc.constantFrom(WATCHED.tenants, WATCHED.nested),
  noise: fc.array(fc.oneof(fc.constant([]), fc.array(arrival, { maxLength: 4 }), flood()), {
    minLength: 50,
    maxLength: 250,
    size: 'max',
  }),
  costs: fc.array(cost, { minLength: 1, maxLength: 10 }),
})

test('two that have jobs waiting all the time get service by their weights, whatever they and others submit', () => {
  fc.assert(
    fc.property(pattern, (each) => expectFair(each, new Fair(each.weights))),
    { numRuns: 600 },
  )
})

test.each<[string, (weights: Pattern['weights']) => Discipline]>([
  ['first come, first served', () => new FirstCome()],
  ['one job each', () => new OneEach()],
  ['no levels', (weights) => new Flat(weights)],
  ['no weights', () => new Unweighted()],
])('%s does not', (_name, open) => {
  const property = fc.property(pattern, (each) => expectFair(each, open(each.weights)))
  expect(fc.check(property, { numRuns: 600, endOnFailure: true }).failed).toBe(true)
})

function expectFair({ weights, watched, noise, costs }: Pattern, queue: Discipline): void {
  const served = watched.map(() => 0)
  const waiting = watched.map(() => 0)
  const largest = watched.map(() => 0)
  let submitted = 0
  const add = (job: Arrival): void => {
    queue.add(job)
    const index = watched.findIndex((tenant) => isBelow(job.tenant, tenant))
    if (index === -1) return
    waiting[index] = (waiting[index] ?? 0) + 1
    largest[index] = Math.max(largest[index] ?? 0, job.cost)
  }
  let least = 0
  let most = 0
  for (const arrivals of noise) {
    for (const job of arrivals) add(job)
    for (const [index, tenant] of watched.entries()) {
      if (waiting[index] !== 0) continue
      add({ tenant: `${tenant}${BELOW[submitted % BELOW.length]}`, cost: costs[submitted % costs.length] ?? 1 })
      submitted++
    }
    const job = queue.next()
    const index = watched.findIndex((tenant) => isBelow(job?.tenant ?? '', tenant))
    if (job === undefined || index === -1) continue
    waiting[index] = (waiting[index] ?? 0) - 1
    served[index] = (served[index] ?? 0) + job.cost / weightOf(index)
    const difference = (served[0] ?? 0) - (served[1] ?? 0)
    least = Math.min(least, difference)
    most = Math.max(most, difference)
  }
  // The largest difference of service over any stretch of time.
  const bound = 2 * QUANTUM + (largest[0] ?? 0) / weightOf(0) + (largest[1] ?? 0) / weightOf(1)
  expect(most - least).toBeLessThanOrEqual(bound + 1e-6)

  function weightOf(index: number): number {
    return weights[watched[index] ?? ''] ?? 1
  }
}

/** Many at once from one. */
function flood(): fc.Arbitrary<Arrival[]> {
  return fc
    .tuple(arrival, fc.integer({ min: 10, max: 50 }))
    .map(([job, count]) => Array.from({ length: count }, () => job))
}

function below(tenant: string): string[] {
  return BELOW.map((name) => `${tenant}${name}`)
}
