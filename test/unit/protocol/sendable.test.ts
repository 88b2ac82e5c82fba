import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { UnsendableError } from '../../../src/errors.js'
import { encodeMessage } from '../../../src/protocol/index.js'

const cyclic: Record<string, unknown> = { list: [] }
;(cyclic['list'] as unknown[]).push(cyclic)

const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)])
const wide = [1, 2].map(() => Array.from({ length: 131_073 }, () => 0))

describe('refused, with the path of the member', () => {
  test.each<[string, unknown, string]>([
    ['undefined', undefined, '$: undefined cannot be sent'],
    ['a BigInt', { a: [0, 1, 2n] }, '$.a[2]: a BigInt cannot be sent; send it as text'],
    ['NaN', { a: NaN }, '$.a: NaN cannot be sent'],
    ['Infinity', [Infinity], '$[0]: Infinity cannot be sent'],
    ['−Infinity', [[-Infinity]], '$[0][0]: -Infinity cannot be sent'],
    ['a function', { run: () => 1 }, '$.run: a function cannot be sent'],
    ['a symbol', { s: Symbol('x') }, '$.s: a symbol cannot be sent'],
    ['a cycle', cyclic, '$.list[0]: a value that contains itself cannot be sent'],
    ['65 levels', deep(65), 'nested deeper than the protocol allows'],
    ['too many values', wide, '$: the message is too large (at most 262144 values'],
    ['a sparse giant', new Array(4_000_000_000), '$: an array of 4000000000 members cannot be sent'],
    ['a Buffer', { file: Buffer.from('x') }, '$.file: binary data cannot be sent; send it as base64 text'],
    ['a typed array', [new Float64Array(1)], '$[0]: binary data cannot be sent'],
    ['an ArrayBuffer', new ArrayBuffer(1), '$: an ArrayBuffer cannot be sent'],
    ['a Map', { m: new Map() }, '$.m: a Map cannot be sent; send Object.fromEntries(map)'],
    ['a Set', { m: new Set() }, '$.m: a Set cannot be sent; send [...set]'],
    ['a Promise', [Promise.resolve(1)], '$[0]: a Promise cannot be sent; await it first'],
    ['a RegExp', /x/, '$: a RegExp cannot be sent'],
    ['an Error', { e: new TypeError('x') }, '$.e: an Error cannot be sent; send its message'],
    ['an invalid Date', { d: new Date(NaN) }, '$.d: an invalid Date cannot be sent'],
    ['a boxed number', { n: new Number(NaN) }, '$.n: a Number object cannot be sent'],
    ['a boxed BigInt', [Object(1n)], '$[0]: a BigInt cannot be sent'],
    ['a Map of another realm', [runInNewContext('new Map()')], '$[0]: a Map cannot be sent'],
    ['a bad member behind toJSON', { toJSON: () => ({ x: 1n }) }, '$.x: a BigInt cannot be sent'],
    ['a function behind toJSON', [{ toJSON: () => () => 1 }], '$[0]: a function cannot be sent'],
    ['nothing behind toJSON', { toJSON: () => undefined }, '$: a value whose toJSON returns nothing'],
    ['a __proto__ member', JSON.parse('{"a":{"__proto__":1}}'), '$.a.__proto__: a member of that name cannot be sent'],
    ['a key that is no name', { 'a b\n': 1n }, '$["a b\\n"]: a BigInt cannot be sent'],
  ])('%s', (_name, value, words) => {
    expect(() => encodeMessage(value)).toThrow(UnsendableError)
    expect(() => encodeMessage(value)).toThrow(words)
  })

  test('a throwing getter, with its error as cause', () => {
    const cause = new Error('no')
    const value = Object.defineProperty({}, 'x', {
      enumerable: true,
      get() {
        throw cause
      },
    })
    expect(() => encodeMessage(value)).toThrow(expect.objectContaining({ code: 'ERR_UNSENDABLE', cause }))
  })
})

describe('sent as JSON.stringify has it', () => {
  class Point {
    x = 1
    private readonly y = 2
    get sum(): number {
      return this.x + this.y
    }
  }
  const shared = { a: 1 }

  test.each<[string, unknown]>([
    ['null', null],
    ['text with controls and lone surrogates', '\u0000\u2028\ud800x\udc00😀'],
    ['numbers', [0, -0, 1.5e300, Number.MIN_VALUE, Number.MAX_SAFE_INTEGER]],
    ['undefined members', { a: undefined, b: [undefined, 1] }],
    ['holes', [1, , 3]], // eslint-disable-line no-sparse-arrays
    ['a Date', { at: new Date(0) }],
    ['a class instance', new Point()],
    ['an object without prototype', Object.assign(Object.create(null) as object, { a: 1 })],
    ['an object of another realm', runInNewContext('({ a: [1, { b: null }] })')],
    ['the same object twice', [shared, shared]],
    ['a boxed string', [Object('x')]],
    ['64 levels', deep(64)],
    ['symbol keys', { [Symbol('x')]: 1, a: 1 }],
  ])('%s', (_name, value) => {
    expect(encodeMessage(value).toString('utf8', 4)).toBe(JSON.stringify(value))
  })

  test('toJSON gets its key, and is not called on what toJSON returned', () => {
    const keys: string[] = []
    const value = { list: [{ toJSON: (key: string) => (keys.push(key), { toJSON: 'kept', key }) }] }
    expect(encodeMessage(value).toString('utf8', 4)).toBe('{"list":[{"toJSON":"kept","key":"0"}]}')
    expect(new Set(keys)).toEqual(new Set(['0']))
  })
})
