import { expect, test } from 'vitest'
import { Shape } from '../../../src/protocol/shape.js'

const isNumber = (value: unknown): boolean => typeof value === 'number'
const shape = new Shape({ a: isNumber }, { b: isNumber })

test.each<[string, unknown, string | undefined]>([
  ['all required', { a: 1 }, undefined],
  ['all', { b: 2, a: 1 }, undefined],
  ['one missing', { b: 2 }, 'a member is missing'],
  ['one wrong', { a: '1' }, "a wrong 'a'"],
  ['an optional one wrong', { a: 1, b: undefined }, "a wrong 'b'"],
  ['one unknown', { a: 1, c: 1 }, 'an unknown member'],
  ['an inherited member', Object.create({ a: 1 }), 'a member is missing'],
  ['an own __proto__', JSON.parse('{"a":1,"__proto__":1}'), 'an unknown member'],
  ['a name of Object.prototype', { a: 1, constructor: 1 }, 'an unknown member'],
  ['null', null, 'no object'],
  ['an array', [1], 'no object'],
  ['text', 'a', 'no object'],
])('%s', (_name, value, issue) => {
  expect(shape.issue(value)).toBe(issue)
  expect(shape.test(value)).toBe(issue === undefined)
})
