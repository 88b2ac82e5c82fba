/** Masking against a model that looks at the whole text at once. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { chooseMask, cutPieces } from '../../../src/runner/output/secret-pieces.js'
import { OutputDecoder, SecretMasker } from '../../../src/runner/output/index.js'
import { MAX_PATTERN_BYTES, PatternAutomaton } from '../../../src/runner/output/pattern-automaton.js'
import { secretForms } from '../../../src/runner/output/secret-forms.js'
import { unfinishedBytes } from '../../../src/runner/output/utf8-tail.js'

/** Few letters, so that secrets overlap, hold and repeat each other and themselves; the asterisk of masks, and two of many bytes. */
const letters = fc.constantFrom('a', 'b', '*', '#', 'ä', '😀')
const word = fc.string({ unit: letters, minLength: 1, maxLength: 7 })
const secretsArbitrary = fc.array(word, { minLength: 0, maxLength: 5 })
const textArbitrary = (secrets: readonly string[]): fc.Arbitrary<string> =>
  fc
    .array(fc.oneof(fc.string({ unit: letters, maxLength: 4 }), fc.constantFrom('-', ...secrets)), { maxLength: 12 })
    .map((parts) => parts.join(''))
const cases = secretsArbitrary.chain((secrets) =>
  fc.record({ secrets: fc.constant(secrets), text: textArbitrary(secrets) }),
)

/** Splits at the places that `cuts` give as shares of the length. */
function split(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.map((cut) => Math.floor(cut * (bytes.length + 1))).sort((a, b) => a - b), bytes.length]
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end))
}
const cutsArbitrary = fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { maxLength: 20 })

function piecesOf(secrets: readonly string[]): Buffer[] {
  return [...secretForms(secrets)].flatMap(cutPieces)
}

/** Every byte of every occurrence, found one by one. */
function modelMask(secrets: readonly string[], text: string): Buffer {
  const pieces = piecesOf(secrets)
  const bytes = Buffer.from(text)
  const masked = new Uint8Array(bytes.length)
  for (const piece of pieces) {
    for (let at = bytes.indexOf(piece); at !== -1; at = bytes.indexOf(piece, at + 1)) {
      masked.fill(1, at, at + piece.length)
    }
  }
  const parts: Buffer[] = []
  for (let at = 0; at < bytes.length; at += 1) {
    if (masked[at] === 0) parts.push(bytes.subarray(at, at + 1))
    else if (at === 0 || masked[at - 1] === 0) parts.push(chooseMask(pieces))
  }
  return Buffer.concat(parts)
}

test('masks exactly the bytes of all occurrences, in any chunks, and holds back less than the longest form', () => {
  fc.assert(
    fc.property(cases, cutsArbitrary, ({ secrets, text }, cuts) => {
      const stream = new SecretMasker(secrets).stream()
      const longest = piecesOf(secrets).reduce((most, { length }) => Math.max(most, length), 0)
      const given: Buffer[] = []
      for (const chunk of split(Buffer.from(text), cuts)) {
        // The chunk's memory is used again afterwards, as a socket does.
        const own = Buffer.from(chunk)
        given.push(Buffer.from(stream.push(own)))
        own.fill('!')
        expect(stream.heldBytes).toBeLessThan(Math.max(1, longest))
      }
      given.push(stream.end())
      expect(Buffer.concat(given).toString()).toBe(modelMask(secrets, text).toString())
    }),
    { numRuns: 4000 },
  )
})

test('what was masked holds no form of a secret, also where a mask and its neighbours could make one', () => {
  fc.assert(
    fc.property(cases, ({ secrets, text }) => {
      const masker = new SecretMasker(secrets)
      const masked = masker.text(text)
      for (const form of secretForms(secrets)) expect(masked).not.toContain(form)
      expect(masker.text(masked)).toBe(masked)
    }),
    { numRuns: 4000 },
  )
})

test('text without a secret is unchanged', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ minLength: 4, unit: 'binary' }), { maxLength: 4 }),
      fc.string({ unit: 'binary' }),
      (secrets, text) => {
        fc.pre([...secretForms(secrets)].every((form) => !text.includes(form)))
        expect(new SecretMasker(secrets).text(text)).toBe(text)
      },
    ),
  )
})

test('is given one stream after the other', () => {
  fc.assert(
    fc.property(cases, ({ secrets, text }) => {
      const stream = new SecretMasker(secrets).stream()
      const once = (): string => Buffer.concat([stream.push(Buffer.from(text)), stream.end()]).toString()
      expect([once(), once()]).toEqual([modelMask(secrets, text).toString(), modelMask(secrets, text).toString()])
    }),
  )
})

test('the automaton finds what a search for each pattern finds, for random bytes and any lengths', () => {
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 6, max: 2 })
  const long = fc
    .tuple(bytes, fc.integer({ min: 1, max: 40 }))
    .map(([unit, times]) => Buffer.alloc(Math.min(MAX_PATTERN_BYTES, unit.length * times), unit))
  fc.assert(
    fc.property(
      fc.array(fc.oneof(bytes, long), { minLength: 1, maxLength: 8 }),
      fc.array(fc.oneof(bytes, long)),
      (patterns, parts) => {
        const text = Buffer.concat(parts)
        const runs: number[] = []
        const automaton = new PatternAutomaton(patterns)
        const state = automaton.scan(text, 0, 0, runs)
        const found = new Uint8Array(text.length)
        for (let index = 0; index < runs.length; index += 2) found.fill(1, runs[index], runs[index + 1])
        const expected = new Uint8Array(text.length)
        let beginning = 0
        for (const pattern of patterns) {
          for (let at = text.indexOf(pattern); at !== -1; at = text.indexOf(pattern, at + 1))
            expected.fill(1, at, at + pattern.length)
          for (let length = 1; length <= Math.min(pattern.length, text.length); length += 1) {
            if (text.subarray(text.length - length).equals(pattern.subarray(0, length)))
              beginning = Math.max(beginning, length)
          }
        }
        expect(found).toEqual(expected)
        expect(automaton.depth(state)).toBe(beginning)
      },
    ),
    { numRuns: 3000 },
  )
})

test('decodes bytes that are UTF-8 or not to the same text in any chunks', () => {
  const part = fc.oneof(
    fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 6 }),
    fc.constantFrom(
      ...['e0a0', 'e080', 'eda080', 'f0908080', 'f08080', 'f4908080', 'c0af', 'f8', 'e2', 'f09f98', '0a'].map((hex) =>
        Buffer.from(hex, 'hex'),
      ),
    ),
  )
  fc.assert(
    fc.property(fc.array(part), cutsArbitrary, (parts, cuts) => {
      const bytes = Buffer.concat(parts)
      const decoder = new OutputDecoder(new SecretMasker([]))
      const pieces = split(bytes, cuts).flatMap((chunk) => [
        ...decoder.push(chunk),
        ...(chunk.length % 2 === 0 ? decoder.flush() : []),
      ])
      expect([...pieces, ...decoder.end()].join('')).toBe(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes))
      expect(unfinishedBytes(bytes)).toBeLessThan(4)
    }),
    { numRuns: 4000 },
  )
})
