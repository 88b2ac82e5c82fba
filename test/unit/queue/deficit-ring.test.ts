import { expect, test } from 'vitest'
import { DeficitRing, Turn } from '../../../src/queue/deficit-ring.js'

/** Serves whoever is next, `count` times, each job at this cost; returns how often each was served. */
function serve(ring: DeficitRing<Turn>, turns: readonly Turn[], cost: number, count: number): number[] {
  const served = turns.map(() => 0)
  for (let step = 0; step < count; step++) {
    const turn = ring.next
    if (turn === undefined) return expect.fail('nobody is due')
    const index = turns.indexOf(turn)
    served[index] = (served[index] ?? 0) + 1
    ring.charge(turn, cost)
    ring.offer(turn, cost)
  }
  return served
}

test('a job of a million is one step, and shares stay exact however long the ring is busy', () => {
  const ring = new DeficitRing<Turn>()
  const turns = [new Turn(0.01), new Turn(0.01), new Turn(0.02)]
  for (const turn of turns) ring.offer(turn, 1_000_000)
  // About 2 × 10⁹ rounds each: the count of rounds starts anew several times.
  expect(serve(ring, turns, 1_000_000, 100_000)).toEqual([25_000, 25_000, 50_000])
})

test('one that a cap held back while rounds were counted anew is not lost', () => {
  const ring = new DeficitRing<Turn>()
  const [busy, capped] = [new Turn(0.01), new Turn(0.01)]
  for (const turn of [busy, capped]) ring.offer(turn, 1_000_000)
  serve(ring, [busy, capped], 1_000_000, 10_000)
  ring.withdraw(capped, true)
  serve(ring, [busy], 1_000_000, 9_000)
  ring.offer(capped, 1_000_000)
  expect(serve(ring, [busy, capped], 1_000_000, 100).every((served) => served >= 49)).toBe(true)
})

test('one that a cap held back saves up its next job and no more', () => {
  const { ring, turns } = comeBack({ cost: 1, hasJobs: true, rounds: 100 })
  expect(ring.next).toBe(turns[1])
  expect(serve(ring, turns, 1, 10)[1]).toBeLessThanOrEqual(6)
})

test('one that has nothing left saves up nothing', () => {
  const { ring, turns } = comeBack({ cost: 100, hasJobs: false, rounds: 5 })
  expect(ring.next).toBe(turns[0])
  expect(serve(ring, turns, 100, 10)).toEqual([5, 5])
})

/** Two of equal weight, of which the second was away while the first was served. */
function comeBack({ cost, hasJobs, rounds }: { cost: number; hasJobs: boolean; rounds: number }) {
  const ring = new DeficitRing<Turn>()
  const turns = [new Turn(1), new Turn(1)] as const
  for (const turn of turns) ring.offer(turn, cost)
  ring.withdraw(turns[1], hasJobs)
  serve(ring, turns, cost, rounds)
  ring.offer(turns[1], cost)
  return { ring, turns }
}
