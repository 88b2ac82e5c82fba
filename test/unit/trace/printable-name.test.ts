import { describe, expect, test } from 'vitest'
import { joinCommand, printableName } from '../../../src/trace/printable-name.js'

describe('printableName', () => {
  test.each([
    ['plain/name.txt', 'plain/name.txt'],
    ['bytes \udcff\udc80 that are no UTF-8', String.raw`bytes \xff\x80 that are no UTF-8`],
    ['a byte behind a pair \u{1f600}\udcff', String.raw`a byte behind a pair 😀\xff`],
    ['\ud800 alone', String.raw`\ud800 alone`],
    ['right\u202eleft', String.raw`right\u202eleft`],
    ['\u001b[31m\n', String.raw`\u001b[31m\n`],
    ['naïve e\u0301', 'naïve e\u0301'],
    [`z${'\u0310'.repeat(6)}`, `z${'\u0310'.repeat(4)}${String.raw`\u{310}\u{310}`}`],
  ])('%j', (name, shown) => {
    expect(printableName(name)).toBe(shown)
  })

  test('is never longer than asked, whatever is escaped in it', () => {
    for (const name of ['n'.repeat(5_000), '\udcff'.repeat(5_000), '\u0310'.repeat(5_000), '\u001b'.repeat(5_000)])
      expect(printableName(name, 100).length).toBeLessThanOrEqual(100)
  })
})

describe('joinCommand', () => {
  test('quotes what a shell would split or act on', () => {
    expect(joinCommand(['cc', '-O2', 'a b.c', "it's", '', '$(x)'])).toBe(String.raw`cc -O2 'a b.c' 'it'\''s' '' '$(x)'`)
  })

  test('is cut', () => {
    expect(
      joinCommand(
        Array.from({ length: 64 }, () => 'x'.repeat(512)),
        100,
      ),
    ).toHaveLength(101)
  })
})
