import { expect, test } from 'vitest'
import { formatSize, parseSize } from '../../../src/options/index.js'

test.each([
  ['0B', 0],
  ['512B', 512],
  ['64KiB', 65_536],
  ['256MiB', 268_435_456],
  ['1.5GiB', 1_610_612_736],
  ['2TiB', 2_199_023_255_552],
  ['64k', 65_536],
  ['512m', 536_870_912],
  ['2g', 2_147_483_648],
  ['1t', 1_099_511_627_776],
  ['7b', 7],
])('%s is %i bytes', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes)
})

test.each([
  ['', 'write digits and a unit'],
  ['256', 'the unit is missing'],
  ['256 MiB', 'without a space'],
  ['-1MiB', 'write digits'],
  ['+1MiB', 'write digits'],
  ['1e3MiB', 'write digits'],
  ['0x10k', 'write digits'],
  ['.5GiB', 'write digits'],
  ['1.GiB', 'write digits'],
  ['1_000k', 'write digits'],
  ['1MiB\n', 'write digits'],
  ['١MiB', 'write digits'],
  ['Infinity', 'write digits'],
  ['1MB', 'write MiB'],
  ['1GB', 'write GiB'],
  ['1kb', 'write KiB'],
  ['1K', 'write KiB'],
  ['1mib', 'units are'],
  ['1PiB', 'units are'],
  ['1__', 'write digits'],
  ['0.1KiB', 'a whole number of bytes'],
  ['9999999TiB', 'below 8 PiB'],
])('refuses %j: %s', (text, reason) => {
  expect(parseSize(text)).toContain(reason)
})

test.each([
  [1, '1B'],
  [1000, '1000B'],
  [1024, '1KiB'],
  [1_610_612_736, '1536MiB'],
  [1024 ** 4, '1TiB'],
])('%i is written %s', (bytes, text) => {
  expect(formatSize(bytes)).toBe(text)
  expect(parseSize(text)).toBe(bytes)
})
