import { expect, test } from 'vitest'
import { printable, quoteText } from '../../src/printable.js'

test.each([
  ['plain text stays', 'Grüße, 世界 😀', 'Grüße, 世界 😀'],
  ['C0', 'a\u0000b\u001b[31mc\n\r\t', 'a\\u0000b\\u001b[31mc\\n\\r\\t'],
  ['DEL and C1', '\u007f\u0080\u009b', '\\u007f\\u0080\\u009b'],
  ['bidirectional overrides', 'x\u202e\u2066\u200fy\u061c', 'x\\u202e\\u2066\\u200fy\\u061c'],
  ['line separators', '\u2028\u2029', '\\u2028\\u2029'],
  ['invisible characters', '\u200b\u2060\ufeff\u00ad', '\\u200b\\u2060\\ufeff\\u00ad'],
  ['tag characters', '\u{e0041}', '\\udb40\\udc41'],
  ['lone surrogates', '\ud800x\udc00', '\\ud800x\\udc00'],
])('%s', (_name, text, shown) => {
  expect(printable(text)).toBe(shown)
})

test('is cut, with an ellipsis, to the given length', () => {
  expect(printable('abcdef', 6)).toBe('abcdef')
  expect(printable('abcdefg', 6)).toBe('abcde…')
  expect(printable('x'.repeat(1_000_000))).toHaveLength(200)
  expect(printable('\n'.repeat(10), 6)).toBe('\\n\\n…')
})

test('never cuts a pair or an escape in two', () => {
  expect(printable('ab😀cd', 4)).toBe('ab…')
  expect(printable('\u0000\u0000', 8)).toBe('\\u0000…')
})

test('bytes are taken as UTF-8', () => {
  expect(printable(Buffer.from('Grüße\n'))).toBe('Grüße\\n')
  expect(printable(Buffer.from([0x61, 0xff, 0x62]))).toBe('a\ufffdb')
  expect(printable(Buffer.from('😀'.repeat(1_000)), 5)).toBe('😀😀…')
})

test('a quoted text is ASCII, and keeps its own quotes and backslashes apart', () => {
  expect(quoteText('a"b\\c\n')).toBe('"a\\"b\\\\c\\n"')
  expect(quoteText('p\u0430ypal😀')).toBe('"p\\u0430ypal\\ud83d\\ude00"')
  expect(quoteText('x'.repeat(100), 3)).toBe('"xxx…"')
})
