import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { SecretMasker } from '../../../../src/runner/output/index.js'
import { chooseMask, cutPieces } from '../../../../src/runner/output/secret-pieces.js'
import { MAX_ENCODED_BYTES, MAX_LINES, secretForms } from '../../../../src/runner/output/secret-forms.js'
import { heldBytes } from '../../../helpers/memory.js'

const TOKEN = 'ghp_9aZ+/Q?"\\ \'<b>&żółw'

function inChunks(masker: SecretMasker, text: string, size: number): string {
  const stream = masker.stream()
  const bytes = Buffer.from(text)
  const given: Buffer[] = []
  for (let at = 0; at < bytes.length; at += size) given.push(stream.push(bytes.subarray(at, at + size)))
  return Buffer.concat([...given, stream.end()]).toString()
}

describe('masks', () => {
  test.each<[string, string[], string, string]>([
    ['nothing without secrets', [], 'text', 'text'],
    ['nothing for an empty secret', [''], 'text', 'text'],
    ['a secret that is repeated', ['hunter22'], 'hunter22 hunter22', '*** ***'],
    ['secrets that touch as one', ['hunter22', 'pass-word'], 'hunter22pass-word', '***'],
    ['secrets that overlap as a whole', ['abcdef', 'defghi'], '<abcdefghi>', '<***>'],
    ['one that holds another', ['abcdef', 'bcde'], 'abcdef bcde', '*** ***'],
    ['one that begins with another', ['abcd', 'abcdefgh'], 'abcdef abcdefgh', '***ef ***'],
    ['one that overlaps itself', ['abab'], 'xababababx', 'x***x'],
    ['one inside what only begins like a longer one', ['abcdefgh', 'cdef'], 'abcdefg', 'ab***g'],
    ['text of many bytes', ['żółw'], 'ażółwżó', 'a***żó'],
    [
      'lines of a secret, without their white space',
      ['line-one\r\n  line-two\nab'],
      'x line-two y line-one ab',
      'x *** y *** ab',
    ],
    ['a secret without the line end of its file', ['hunter22\n'], 'hunter22!', '***!'],
  ])('%s', (_name, secrets, text, masked) => {
    const masker = new SecretMasker(secrets)
    expect(masker.text(text)).toBe(masked)
    for (const size of [1, 2, 3, 7]) expect(inChunks(masker, text, size)).toBe(masked)
  })

  test('a text with half of a surrogate pair is not changed where there is nothing to mask', () => {
    expect(new SecretMasker(['hunter22']).text('a\ud800b')).toBe('a\ud800b')
  })
})

describe('knows a secret', () => {
  const encoded = (text: string, encoding: 'base64' | 'base64url') => Buffer.from(text).toString(encoding)
  test.each([
    ['as it is', TOKEN],
    ['in base64', encoded(TOKEN, 'base64')],
    ['in base64 after one byte', encoded(`:${TOKEN}`, 'base64')],
    ['in base64 after two bytes', encoded(`a:${TOKEN}`, 'base64')],
    ['in base64 amid more', encoded(`user:${TOKEN}\n and more`, 'base64')],
    ['in base64url', encoded(`user:${TOKEN}`, 'base64url')],
    ['in a URL', encodeURIComponent(TOKEN)],
    ['in a URL with lower-case digits', encodeURIComponent(TOKEN).replace(/%../g, (escape) => escape.toLowerCase())],
    ['in a form', new URLSearchParams({ token: TOKEN }).toString()],
    ['in JSON', JSON.stringify({ token: TOKEN })],
    [
      'in JSON of ASCII',
      JSON.stringify(TOKEN).replace(/[^\x20-\x7e]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`),
    ],
    ['in XML', `<a>${TOKEN.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')}</a>`],
    ['in a trace of a shell', `+ login 'ghp_9aZ+/Q?"\\ '\\''<b>&żółw'`],
  ])('%s', (_name, text) => {
    const masked = new SecretMasker([TOKEN]).text(text)
    expect(masked).toContain('***')
    // At most the characters that hold bits of what is beside it are left.
    const [before = '', after = ''] = masked.split('***')
    expect(text.length - before.length - after.length).toBeGreaterThanOrEqual(TOKEN.length - 2)
  })

  test('in what `base64` and `openssl base64` wrap', () => {
    const key = Array.from({ length: 40 }, (_, index) => `part-${index * 7919}`).join(';')
    for (const columns of [76, 64]) {
      const wrapped = Buffer.from(key)
        .toString('base64')
        .replace(new RegExp(`.{${columns}}`, 'g'), '$&\n')
      expect(new SecretMasker([key]).text(wrapped).replaceAll('***', '').replaceAll(/[\n=]/g, '').length).toBeLessThan(
        8,
      )
    }
  })

  test('by a part of a long one: 128 bytes in a row are masked for the most part', () => {
    const key = ['a', 'b', 'c', 'd'].map((seed) => createHash('sha512').update(seed).digest('hex')).join('')
    expect(new SecretMasker([key]).text(`key: ${key}.`)).toBe('key: ***.')
    expect(new SecretMasker([key]).text(`key: ${key.slice(10, 210)}.`)).toMatch(/^key: .{54}\*\*\*.{0,64}\.$/)
  })

  test('but not in another transformation', () => {
    const hex = Buffer.from(TOKEN).toString('hex')
    expect(new SecretMasker([TOKEN]).text(hex)).toBe(hex)
  })
})

describe('the forms of many long secrets', () => {
  const long = (seed: number, length: number) =>
    Array.from({ length }, (_, index) => String.fromCharCode(97 + ((index * seed) % 23))).join('')

  test('leave out encodings of the longest', () => {
    const secrets = [long(5, MAX_ENCODED_BYTES), long(7, 100)]
    const forms = secretForms(secrets)
    expect(
      [...secrets, Buffer.from(secrets[1]!).toString('base64').slice(0, 133)].filter((form) => !forms.has(form)),
    ).toEqual([])
    expect(forms.size).toBeLessThan(40)
  })

  test('leave out single lines of the longest', () => {
    const many = Array.from({ length: MAX_LINES + 1 }, (_, index) => `line-${index}`).join('\n')
    const forms = secretForms([many, 'first-line\nsecond-line'])
    expect([forms.has('second-line'), forms.has(many), forms.has('line-7')]).toEqual([true, true, false])
  })
})

describe('what stands for a secret', () => {
  test.each([
    [['hunter22', 'a*b*c'], '***'],
    [['*hunter'], '###'],
    [['hunter*'], '###'],
    [['a***b', '#x#x'], '==='],
    [['*a', '#a', 'a=', '+a', '█a'], '▉▉▉'],
  ])('cannot become a part of one of %j', (secrets, mask) => {
    expect(chooseMask(secrets.flatMap(cutPieces)).toString()).toBe(mask)
  })
})

test('a long secret is cut between characters', () => {
  const text = 'ż😀a'.repeat(100)
  const pieces = cutPieces(text)
  expect(Buffer.concat(pieces).toString()).toBe(text)
  for (const piece of pieces) {
    expect(piece.toString()).not.toContain('\ufffd')
    expect(piece.length).toBeGreaterThanOrEqual(64)
    expect(piece.length).toBeLessThan(128)
  }
})

describe('time is linear in what is printed', () => {
  test.each<[string, string[], string]>([
    ['a long row of what a secret begins with', [`${'a'.repeat(120)}b`], 'a'.repeat(2 ** 20)],
    ['a secret that overlaps itself everywhere', ['a'.repeat(60_000)], 'a'.repeat(2 ** 20)],
    [
      'secrets that fail late',
      Array.from({ length: 64 }, (_, n) => `${'ab'.repeat(30)}${'a'.repeat(n + 1)}c`),
      'ab'.repeat(2 ** 19),
    ],
    ['nothing but secrets', ['abcd', 'abce'], 'abcd-abce-'.repeat(100_000)],
  ])('%s', (_name, secrets, text) => {
    const stream = new SecretMasker(secrets).stream()
    const chunk = Buffer.from(text)
    const began = process.cpuUsage()
    let most = 0
    for (let round = 0; round < 4; round += 1) {
      stream.push(chunk)
      most = Math.max(most, stream.heldBytes)
    }
    stream.end()
    // 4 MiB take about 50 ms; in quadratic time they take minutes.
    expect(process.cpuUsage(began).user).toBeLessThan(5_000_000)
    expect(most).toBeLessThan(128)
  })

  test('memory is 12 bytes for each byte that is searched for, also of 64 secrets of 64 KiB', () => {
    const secrets = Array.from({ length: 64 }, (_, seed) => {
      const hashes = Array.from({ length: 512 }, (_hash, part) =>
        createHash('sha512').update(`${seed}/${part}`).digest('hex'),
      )
      return hashes.join('')
    })
    const before = heldBytes()
    const masker = new SecretMasker(secrets)
    const states = 64 * 65_536 + 10 * MAX_ENCODED_BYTES
    expect(heldBytes() - before).toBeLessThan(12 * states + 2 ** 23)
    expect(masker.text(`x${secrets[63]}y`)).toBe('x***y')
  })
})
