import { expect, test } from 'vitest'
import { parseDuration } from '../../../src/cli/duration.js'

test.each([
  ['500ms', 500],
  ['10s', 10_000],
  ['2.5m', 150_000],
  ['1h', 3_600_000],
  ['0.001s', 1],
])('%s', (text, milliseconds) => {
  expect(parseDuration(text)).toBe(milliseconds)
})

test.each(['', '10', 's', '-1s', '1 s', '1d', '1e3s', 'NaNs', '0s', '0.0001s', '1s1s', ' 1s', '٣s'])(
  'refuses %j',
  (text) => {
    expect(parseDuration(text)).toEqual(expect.any(String))
  },
)
