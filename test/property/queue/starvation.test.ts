/** Whoever waits starts in the end: a low priority by ageing, a large job because it is waited for. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Schedule } from '../../../src/queue/schedule.js'
import { openRules } from './arbitraries.js'
import { Fair } from './disciplines.js'

const AGEING_MS = 10

/** The time at which a job of a low priority starts while its tenant submits one of a high priority each millisecond. */
function startOfLowest(ageingMs: number | null, gap: number, untilMs: number): number | null {
  const queue = new Fair({}, ageingMs)
  queue.add({ tenant: 'a', cost: 1, priority: 0, atMs: 0 })
  for (let nowMs = 0; nowMs < untilMs; nowMs++) {
    queue.add({ tenant: 'a', cost: 1, priority: gap, atMs: nowMs })
    if (queue.next()?.priority === 0) return nowMs
  }
  return null
}

test('a low priority starts when it has waited ageingMs for each level; without ageing never', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), (gap) => {
      expect(startOfLowest(AGEING_MS, gap, 1_000)).toBeLessThanOrEqual(gap * AGEING_MS + 1)
      expect(startOfLowest(null, gap, 1_000)).toBeNull()
    }),
    { numRuns: 20 },
  )
})

interface Sized {
  readonly id: string
  readonly units: number
  readonly endsAtMs: number
}

/** The units of what runs, and which of what waits starts. */
interface Machine {
  add(id: string, tenant: string, units: number, nowMs: number): void
  start(): { readonly id: string; readonly units: number } | undefined
  end(job: Sized): void
}

const CAPACITY = 8
const LARGE = 'large'

function ours(): Machine {
  const schedule = new Schedule({ ...openRules(), capacity: CAPACITY })
  return {
    add: (id, tenant, units, enqueuedAtMs) =>
      schedule.add({ id, tenant, units, enqueuedAtMs, cost: 1, priority: 0, run: () => Promise.resolve() }),
    start: () => schedule.take(),
    end: ({ id }) => schedule.release(id),
  }
}

/** Starts whatever fits, as many do. */
function whateverFits(): Machine {
  const waiting: { readonly id: string; readonly units: number }[] = []
  let free = CAPACITY
  return {
    add: (id, _tenant, units) => waiting.push({ id, units }),
    start() {
      const index = waiting.findIndex(({ units }) => units <= free)
      const [job] = index === -1 ? [] : waiting.splice(index, 1)
      free -= job?.units ?? 0
      return job
    },
    end: ({ units }) => (free += units),
  }
}

interface Load {
  /** Units and duration of what comes each millisecond, more than the machine can do. */
  readonly small: readonly { readonly units: number; readonly tookMs: number; readonly tenant: string }[]
}

const load: fc.Arbitrary<Load> = fc.record({
  small: fc.array(
    fc.record({
      units: fc.integer({ min: 1, max: 4 }),
      tookMs: fc.integer({ min: 4, max: 12 }),
      tenant: fc.constantFrom('a', 'b', 'b/x', 'c'),
    }),
    { minLength: 5, maxLength: 20 },
  ),
})

/** The time at which a job that needs all of the capacity starts, while small ones come without end. */
function startOfLarge(machine: Machine, { small }: Load): number | null {
  const submittedAtMs = 50
  const running = new Set<Sized>()
  for (let nowMs = 0; nowMs < 1_000; nowMs++) {
    for (const job of [...running].filter(({ endsAtMs }) => endsAtMs <= nowMs)) {
      running.delete(job)
      machine.end(job)
    }
    const next = small[nowMs % small.length]
    if (next === undefined) return expect.fail('nothing comes')
    for (const copy of [0, 1]) machine.add(`${nowMs}.${copy}`, next.tenant, next.units, nowMs)
    if (nowMs === submittedAtMs) machine.add(LARGE, 'light', CAPACITY, nowMs)
    for (;;) {
      const job = machine.start()
      if (job === undefined) break
      if (job.id === LARGE) return nowMs - submittedAtMs
      const came = Number(job.id.split('.')[0])
      running.add({ ...job, endsAtMs: nowMs + (small[came % small.length]?.tookMs ?? 0) })
    }
    expect([...running].reduce((sum, { units }) => sum + units, 0)).toBeLessThanOrEqual(CAPACITY)
  }
  return null
}

test('a job that needs all of the capacity is waited for, whatever comes meanwhile', () => {
  fc.assert(
    fc.property(load, (each) => {
      // Its turn: each of three other tenants may start two jobs before, each after at most 12 ms. Then those that run end.
      expect(startOfLarge(ours(), each)).toBeLessThanOrEqual(3 * 2 * 12 + 12)
    }),
    { numRuns: 200 },
  )
})

test('where whatever fits starts, it is not', () => {
  const busy = { small: Array.from({ length: 5 }, () => ({ units: 1, tookMs: 12, tenant: 'a' })) }
  expect(startOfLarge(whateverFits(), busy)).toBeNull()
  expect(startOfLarge(ours(), busy)).toBeLessThan(100)
})
