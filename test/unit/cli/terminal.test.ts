import { expect, test } from 'vitest'
import { escapeLines, formatJson, formatSpan, formatTable } from '../../../src/cli/terminal.js'

const hostile = '\u001b]0;owned\u0007\u009b2J\u202eevil\u2066\u007f'

test('no control character reaches the terminal, line ends do', () => {
  const escaped = escapeLines(`first ${hostile}\nsecond`)
  expect(escaped).not.toMatch(/[\u001b\u0007\u009b\u202e\u2066\u007f]/)
  expect(escaped).toMatch(/\nsecond$/)
})

test('JSON for a terminal is the same JSON', () => {
  const text = formatJson({ hostile, line: 'a\u2028b' })
  expect(text).not.toMatch(/[\u001b\u0007\u007f-\u009f\u202e\u2066\u2028]/)
  expect(JSON.parse(text)).toEqual({ hostile, line: 'a\u2028b' })
})

test('columns line up, and cells cannot forge a row', () => {
  const table = formatTable(
    ['A', 'LONGER'],
    [
      ['wide cell', 'x'],
      ['y\nz', ''],
    ],
  )
  expect(table.split('\n')).toEqual(['A          LONGER', 'wide cell  x', 'y\\nz'])
})

test('an empty table is its header', () => {
  expect(formatTable(['A', 'B'], [])).toBe('A  B')
})

test.each([
  [-5, '0s'],
  [45_000, '45s'],
  [600_000, '10m'],
  [3 * 3_600_000, '3h'],
  [72 * 3_600_000, '3d'],
])('a span of %d ms is %s', (milliseconds, text) => {
  expect(formatSpan(milliseconds)).toBe(text)
})
