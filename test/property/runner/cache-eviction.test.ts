import fc from 'fast-check'
import { expect, test } from 'vitest'
import { planEviction, type StoredCache } from '../../../src/runner/caches/cache-eviction.js'

const NOW_MS = 1_000_000
const cache = fc.record({
  file: fc.uuid(),
  group: fc.constantFrom('a', 'b', 'c'),
  sizeBytes: fc.integer({ min: 0, max: 100 }),
  lastUsedMs: fc.integer({ min: 0, max: NOW_MS + 10_000 }),
})
const caches = fc.uniqueArray(cache, { selector: ({ file }) => file, maxLength: 30 })
const limits = fc.record({
  maxBytes: fc.integer({ min: 0, max: 1000 }),
  maxBytesPerTenant: fc.integer({ min: 0, max: 500 }),
  maxAgeMs: fc.integer({ min: 1000, max: NOW_MS }),
})
const sum = (all: readonly StoredCache[]) => all.reduce((total, { sizeBytes }) => total + sizeBytes, 0)
const without = (all: readonly StoredCache[], gone: readonly StoredCache[]) => all.filter((one) => !gone.includes(one))

const isBefore = (a: StoredCache, b: StoredCache) =>
  a.lastUsedMs < b.lastUsedMs || (a.lastUsedMs === b.lastUsedMs && a.file < b.file)

test('what stays is within every cap, and what goes had to', () => {
  fc.assert(
    fc.property(caches, limits, fc.option(cache), (all, caps, incoming) => {
      const going = planEviction(all, caps, NOW_MS, incoming)
      const staying = without(all, going).filter(({ file }) => file !== incoming?.file)
      const after = incoming === null ? staying : [...staying, incoming]
      const fits = (some: readonly StoredCache[]) =>
        sum(some) <= caps.maxBytes &&
        ['a', 'b', 'c'].every((group) => sum(some.filter((one) => one.group === group)) <= caps.maxBytesPerTenant)
      if (incoming === null || fits([incoming])) expect(fits(after)).toBe(true)
      expect(staying.every(({ lastUsedMs }) => NOW_MS - lastUsedMs <= caps.maxAgeMs)).toBe(true)
      expect(new Set(going).size).toBe(going.length)
      const isYoung = ({ lastUsedMs }: StoredCache) => NOW_MS - lastUsedMs <= caps.maxAgeMs
      // With it and all that were used later it would be too much, or it is too old.
      for (const one of going) {
        const isOld = NOW_MS - one.lastUsedMs > caps.maxAgeMs
        const later = all.filter((cache) => isYoung(cache) && cache.file !== incoming?.file && !isBefore(cache, one))
        expect(isOld || !fits([...later, ...(incoming === null ? [] : [incoming])])).toBe(true)
      }
    }),
    { numRuns: 2_000 },
  )
})

test('a group within its cap loses nothing to another as long as all fit', () => {
  fc.assert(
    fc.property(caches, limits, (all, caps) => {
      const going = planEviction(all, { ...caps, maxBytes: Infinity, maxAgeMs: Infinity }, NOW_MS)
      for (const group of ['a', 'b', 'c']) {
        const own = all.filter((one) => one.group === group)
        if (sum(own) <= caps.maxBytesPerTenant) expect(going.filter((one) => one.group === group)).toEqual([])
      }
    }),
  )
})
