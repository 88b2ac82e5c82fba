import { expect, test, vi } from 'vitest'
import { VerdictCache } from '../../../../src/trace/policy/verdict-cache.js'

test('a key is judged once while it is in use', () => {
  const cache = new VerdictCache({ maxEntries: 3, maxTextUnits: 100 })
  const judge = vi.fn((key: string) => key === 'yes')
  for (let index = 0; index < 100; index += 1) {
    expect(cache.get('yes', judge)).toBe(true)
    expect(cache.get('no', judge)).toBe(false)
    cache.get(`other${index}`, judge)
  }
  expect(judge.mock.calls.filter(([key]) => key === 'yes')).toHaveLength(1)
  expect(judge.mock.calls.filter(([key]) => key === 'no')).toHaveLength(1)
})

test('it is bounded by entries and by text', () => {
  const cache = new VerdictCache({ maxEntries: 10, maxTextUnits: 1000 })
  for (let index = 0; index < 1000; index += 1) cache.get(`k${index}`, () => true)
  expect(cache.size).toBeLessThanOrEqual(20)
  for (let index = 0; index < 50; index += 1) cache.get(`${index}${'x'.repeat(400)}`, () => true)
  expect(cache.size).toBeLessThanOrEqual(4)
  cache.get('y'.repeat(5000), () => true)
  cache.get('z', () => true)
  expect(cache.size).toBeLessThanOrEqual(4)
})

test('a million made-up paths of 4,000 characters do not fill the memory', () => {
  const cache = new VerdictCache()
  const long = 'p'.repeat(4000)
  for (let index = 0; index < 20_000; index += 1) cache.get(`/${index}/${long}`, () => false)
  expect(cache.size).toBeLessThan(600)
})
