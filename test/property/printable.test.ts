import fc from 'fast-check'
import { expect, test } from 'vitest'
import { printable } from '../../src/printable.js'

const nasty = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.nat(0xffff)).map((units) => String.fromCharCode(...units)),
  fc
    .array(fc.constantFrom('\u0000', '\u001b', '\u009b', '\u202e', '\u2066', '\ud83d', '\ude00', '😀', 'a', '\\', '…'))
    .map((list) => list.join('')),
)

test('never longer than asked, well-formed, and without control, bidirectional or invisible characters', () => {
  fc.assert(
    fc.property(nasty, fc.integer({ min: 1, max: 60 }), (text, maxChars) => {
      const shown = printable(text, maxChars)
      expect(shown.length).toBeLessThanOrEqual(maxChars)
      expect(shown).not.toMatch(/[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\p{Cs}]/u)
    }),
    { numRuns: 3_000 },
  )
})

test('plain text that fits is unchanged', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme-ascii' }), (text) => {
      expect(printable(text, 10_000)).toBe(text)
    }),
  )
})
