import { describe, expect, test } from 'vitest'
import { TextProblem } from '../../../../src/cli/build/text-place.js'
import { parseYaml } from '../../../../src/cli/build/yaml-data.js'

function problem(text: string): { message: string; at: string } {
  try {
    parseYaml(text)
  } catch (error) {
    if (error instanceof TextProblem)
      return { message: error.message, at: text.slice(error.place.start, error.place.start + 12) }
    throw error
  }
  throw new Error('it was read')
}

describe('data', () => {
  test.each<[text: string, value: unknown]>([
    ['a: 1\nb: [x, "y"]\nc: { d: null, e: true, f: 1.5 }', { a: 1, b: ['x', 'y'], c: { d: null, e: true, f: 1.5 } }],
    ['{"a": [1, "\\ud83d\\ude00", {"b": null}]}', { a: [1, '😀', { b: null }] }],
    ['{\n\t"a": [\n\t\t1\n\t]\n}\n', { a: [1] }],
    [`{"${'k'.repeat(2_000)}": 1}`, { ['k'.repeat(2_000)]: 1 }],
    ['a: |\n  one\n  two\n', { a: 'one\ntwo\n' }],
    // YAML 1.2: these are texts, and a number stays the text that it is where it is a key.
    ['a: yes\nb: on\nc: 2026-01-01\nd: 12:30:00', { a: 'yes', b: 'on', c: '2026-01-01', d: '12:30:00' }],
    ['8080: x\nnull: y\n1.10: z', { 8080: 'x', null: 'y', '1.10': 'z' }],
    ['a: &x { b: 1 }\nc: *x\nd: [*x]', { a: { b: 1 }, c: { b: 1 }, d: [{ b: 1 }] }],
    ['a:\nb: ~\n? c', { a: null, b: null, c: null }],
    ['[a: 1]', [{ a: 1 }]],
    ['a: 1\r\nb: 2\r\n', { a: 1, b: 2 }],
    ['# only a comment\n---\na: 1\n...\n', { a: 1 }],
    ['', null],
  ])('%j', (text, value) => {
    expect(parseYaml(text).value).toEqual(value)
  })

  test('a member called __proto__ is a member', () => {
    const { value } = parseYaml('env:\n  __proto__: x\n') as { value: { env: object } }
    expect(Object.keys(value.env)).toEqual(['__proto__'])
    expect(Object.getPrototypeOf(value.env)).toBe(Object.prototype)
  })

  test('places lead back to what was written', () => {
    const text = 'a: 1\nsteps:\n  - run: make it\n  - &x { "run it": y }\n  - *x\n'
    const { places, keys } = parseYaml(text)
    const at = (map: typeof places, path: string) => {
      const place = map.get(path)
      return place && text.slice(place.start, place.end)
    }
    expect(at(places, 'steps[0].run')).toBe('make it')
    expect(at(keys, 'steps[0].run')).toBe('run')
    expect(at(places, 'steps[1]["run it"]')).toBe('y')
    expect(at(places, 'steps[2]["run it"]')).toBe('y')
    expect(at(places, '')).toBe(text)
  })
})

describe('refused', () => {
  test.each<[text: string, message: RegExp, at: string]>([
    ['a: [1, 2', /flow sequence.*must end with a \]|flow collection|\]/i, ''],
    ['{"a": 1 "b": 2}', /a comma or a quote is missing/, '1 "b"'],
    ['{"a": 1', /must end with a }/, ''],
    ['a: "x', /the quote that closes/, ''],
    ['a: @x', /stands in quotes/, '@x'],
    ['a:\n\tb: c', /a tab is no indentation/, '\tb'],
    ['run: a: b', /second ': '/, 'a: b'],
    ['a: 1\na: 2', /twice/, 'a: 2'],
    ['{"a": 1, "a": 2}', /twice/, '"a": 2'],
    ['1: x\n"1": y', /twice/, '"1": y'],
    ['a: !!js/function "x"', /tags are not read/, '"x"'],
    ['a: !!binary aGk=', /tags/, 'aGk='],
    ['!!map {}', /tags/, '{}'],
    ['? [a]\n: b', /a key is a text/, '[a]'],
    ['a: &x {b: 1}\nc:\n  <<: *x', /merge keys/, '<<'],
    ['a: *nobody', /unresolved alias|no anchor/i, '*nobody'],
    ['a: &x [*x]', /deeper than 32/, ''],
    ['a: 1\n---\nb: 2', /second document/, 'b: 2'],
    ['%YAML 1.1\n---\na: yes', /only YAML 1.2/, '%YAML'],
    ['a: b\n  c: d\n', /second ': '|indentation/, 'b'],
    ['a: [1]\n  - b\n', /./, ''],
  ])('%j', (text, message, at) => {
    const found = problem(text)
    expect(found.message).toMatch(message)
    expect(found.at).toContain(at)
  })
})

describe('bombs are refused at once', () => {
  const levels = Array.from({ length: 30 }, (_, i) => `a${i}: &a${i} [${`*a${i - 1},`.repeat(9)}]`)
  test.each<[name: string, text: string]>([
    ['a billion laughs', ['a0: &a0 [x,x,x,x,x,x,x,x,x]', ...levels.slice(1)].join('\n')],
    ['a billion laughs of maps', `a: &a {x: 1}\n${levels.slice(1).join('\n').replace('*a0', '*a')}`],
    ['many aliases', `a: &a 1\nb: [${'*a,'.repeat(5_000)}]`],
    ['an alias inside its anchor', 'a: &a {b: {c: [*a, *a]}}'],
    ['open brackets', '['.repeat(1_000_000)],
    ['open braces', '{a: '.repeat(250_000)],
    ['dashes', '- '.repeat(500_000)],
    ['questions', '? '.repeat(500_000)],
    ['indentation', Array.from({ length: 1_400 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
    ['keys', Array.from({ length: 100_000 }, (_, i) => `k${i}: v`).join('\n')],
    ['short keys', `{${Array.from({ length: 60_000 }, (_, i) => `${i}`).join(',')}}`],
    ['documents', '---\n'.repeat(250_000)],
    ['directives', '%a\n'.repeat(300_000)],
    ['anchors', '&a '.repeat(300_000)],
    ['tags', '!a '.repeat(300_000)],
    ['commas', `[${','.repeat(1_000_000)}`],
    ['comments', '#\n'.repeat(500_000)],
    ['wrong characters', '@a\n'.repeat(300_000)],
  ])('%s', (_name, text) => {
    const begun = process.cpuUsage()
    problem(text)
    expect(process.cpuUsage(begun).user).toBeLessThan(3_000_000)
  })

  test('depth that is allowed is read', () => {
    const text = `${'['.repeat(33)}${']'.repeat(33)}`
    expect(JSON.stringify(parseYaml(text).value)).toBe(text)
    expect(problem(`[${text}]`).message).toContain('deeper')
    const block = Array.from({ length: 32 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')
    expect(JSON.stringify(parseYaml(block).value)).toMatch(/^({"a":){32}null/)
  })
})
