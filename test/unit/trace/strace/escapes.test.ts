import { expect, test } from 'vitest'
import { decodeEscapes } from '../../../../src/trace/strace/index.js'

test.each([
  ['', ''],
  ['/etc/passwd', '/etc/passwd'],
  [String.raw`a\"b\\c`, 'a"b\\c'],
  [String.raw`\f\n\r\t\v`, '\f\n\r\t\v'],
  [String.raw`\0\1\33\177`, '\0\x01\x1b\x7f'],
  [String.raw`\0001\00012`, '\x001\x0012'],
  [String.raw`\74\76`, '<>'],
  [String.raw`\x78\x0a`, 'x\n'],
  [String.raw`\303\251`, 'é'],
  [String.raw`\360\237\230\200!`, '😀!'],
  [String.raw`\351`, '\udce9'],
  [String.raw`a\342\202z`, 'a\udce2\udc82z'],
  [String.raw`\303\251\200\303\251`, 'é\udc80é'],
  [String.raw`\355\262\200`, '\udced\udcb2\udc80'],
  [String.raw`\300\257`, '\udcc0\udcaf'],
  [String.raw`\364\220\200\200`, '\udcf4\udc90\udc80\udc80'],
  [String.raw`\357\273\277x`, '\ufeffx'],
])('%s stands for its bytes', (text, value) => {
  expect(decodeEscapes(text)).toBe(value)
})

test.each([String.raw`\q`, '\\', String.raw`\400`, String.raw`\x4`, String.raw`\xzz`, String.raw`a\8`])(
  '%s is nothing that strace writes',
  (text) => {
    expect(decodeEscapes(text)).toBeNull()
  },
)

test('text longer than any path is decoded too', () => {
  expect(decodeEscapes('\\n'.repeat(100_000))).toBe('\n'.repeat(100_000))
})
