import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { BackOff, FIRST_PAUSE_MS, LONGEST_PAUSE_MS, SHORT_LIFE_MS } from '../../../src/pool/back-off.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** Fails so many times, each after the pause of the last; returns how long the pauses were. */
function pauses(count: number, random: () => number): number[] {
  const ends: number[] = []
  const backOff = new BackOff(() => ends.push(performance.now()), random)
  return Array.from({ length: count }, (_, index) => {
    const started = performance.now()
    backOff.fail()
    while (ends.length === index) vi.advanceTimersToNextTimer()
    return ends[index]! - started
  })
}

it('doubles from failure to failure, up to a bound', () => {
  const all = pauses(12, () => 1)
  expect(all.slice(0, 4)).toEqual([1, 2, 4, 8].map((factor) => factor * FIRST_PAUSE_MS))
  expect(all.slice(-3)).toEqual([LONGEST_PAUSE_MS, LONGEST_PAUSE_MS, LONGEST_PAUSE_MS])
})

it('is between half and the whole of that', () => {
  expect(pauses(3, () => 0)).toEqual([1, 2, 4].map((factor) => (factor * FIRST_PAUSE_MS) / 2))
})

it('counts failures of one moment once', () => {
  let ends = 0
  const backOff = new BackOff(
    () => (ends += 1),
    () => 1,
  )
  for (let count = 0; count < 5; count += 1) backOff.fail()
  vi.advanceTimersByTime(FIRST_PAUSE_MS)
  expect([ends, backOff.isActive]).toEqual([1, false])
  backOff.fail()
  vi.advanceTimersByTime(2 * FIRST_PAUSE_MS)
  expect(ends).toBe(2)
})

it('begins anew after a success, and never after its end', () => {
  let ends = 0
  const backOff = new BackOff(
    () => (ends += 1),
    () => 1,
  )
  backOff.fail()
  backOff.succeed()
  expect(backOff.isActive).toBe(false)
  vi.advanceTimersByTime(LONGEST_PAUSE_MS)
  expect(ends).toBe(0)
  backOff.fail()
  vi.advanceTimersByTime(FIRST_PAUSE_MS)
  expect(ends).toBe(1)
  backOff.fail()
  backOff.stop()
  vi.advanceTimersByTime(LONGEST_PAUSE_MS)
  expect(ends).toBe(1)
})

it('takes a second early end for a failure, until one is of use', () => {
  const backOff = new BackOff(
    () => undefined,
    () => 1,
  )
  const afterEnd = (ageMs: number): boolean => {
    backOff.succeed()
    backOff.ended(ageMs)
    return backOff.isActive
  }
  expect([SHORT_LIFE_MS, SHORT_LIFE_MS - 1].map(afterEnd)).toEqual([false, false])
  expect([SHORT_LIFE_MS, 0].map(afterEnd)).toEqual([false, true])
  // That it gets ready is no success when it does not live.
  backOff.succeed()
  expect(backOff.isActive).toBe(true)
  backOff.used()
  expect([0, 0].map(afterEnd)).toEqual([false, true])
})
