import { expect, it } from 'vitest'
import { Histogram } from '../../../src/pool/histogram.js'

it('counts each value in the first bucket that takes it', () => {
  const histogram = new Histogram([1, 10])
  expect(histogram.snapshot()).toMatchObject({ count: 0, sumMs: 0, maxMs: 0 })
  for (const value of [0, 1, 1.5, 10, 10.1, 1_000_000]) histogram.add(value)
  expect(histogram.snapshot()).toEqual({
    count: 6,
    sumMs: 1_000_022.6,
    maxMs: 1_000_000,
    buckets: [
      { upToMs: 1, count: 2 },
      { upToMs: 10, count: 2 },
      { upToMs: Infinity, count: 2 },
    ],
  })
})
