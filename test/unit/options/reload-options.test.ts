import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { parseReloadOptions } from '../../../src/options/index.js'
import { InvalidOptionsError } from '../../../src/errors.js'

test.each<[unknown, object]>([
  [undefined, {}],
  [{}, {}],
  ['./a.js', { program: resolve('a.js') }],
  [
    { program: null, methods: 'm.js' },
    { program: null, methods: resolve('m.js') },
  ],
])('%j is read as %j', (raw, parsed) => {
  expect(parseReloadOptions(raw)).toEqual(parsed)
})

test.each([[''], ['a\0'], [5], [null], [{ program: 5 }], [{ programm: 'a.js' }], [{ methods: '' }], [[]]])(
  '%j is refused',
  (raw) => {
    expect(() => parseReloadOptions(raw)).toThrow(InvalidOptionsError)
  },
)
