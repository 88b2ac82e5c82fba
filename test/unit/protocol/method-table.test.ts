import { expect, test } from 'vitest'
import { InvalidOptionsError } from '../../../src/errors.js'
import { MethodTable } from '../../../src/protocol/method-table.js'

const f = (): number => 1
const g = (): number => 2

test('an object becomes dotted names, of own enumerable functions only', () => {
  const table = new MethodTable()
  const inherited = Object.create({ hidden: f }) as object
  table.addObject(Object.assign(inherited, { a: f, deep: { b: g, deeper: { c: f } }, list: [g] }))
  expect(table.get('a')).toBe(f)
  expect(table.get('deep.b')).toBe(g)
  expect(table.get('deep.deeper.c')).toBe(f)
  expect(table.get('list.0')).toBe(g)
  expect([table.get('hidden'), table.get('deep'), table.get('toString')]).toEqual([undefined, undefined, undefined])
  table.addObject({ x: f }, 'space')
  expect(table.get('space.x')).toBe(f)
})

test('a name like a prototype’s is a name', () => {
  const table = new MethodTable()
  table.addObject(JSON.parse('{"__proto__":{"x":{}}}', (key, value: unknown) => (key === 'x' ? f : value)) as object)
  expect(table.get('__proto__.x')).toBe(f)
  expect(({} as { x?: unknown }).x).toBeUndefined()
})

test('delete removes exactly a name and what is below it', () => {
  const table = new MethodTable()
  table.addObject({ foo: { bar: f, baz: { qux: f } }, food: f, bar: f })
  expect(table.delete('foo.baz.qux')).toBe(true)
  expect([table.get('foo.baz.qux'), table.get('foo.bar')]).toEqual([undefined, f])
  expect(table.delete('foo')).toBe(true)
  expect([table.get('foo.bar'), table.get('food'), table.get('bar')]).toEqual([undefined, f, f])
  expect(table.delete('foo')).toBe(false)
})

test('a second method of a name replaces the first', () => {
  const table = new MethodTable()
  table.add('a', f)
  table.add('a', g)
  expect(table.get('a')).toBe(g)
})

const cyclic: Record<string, unknown> = { a: f }
cyclic['b'] = { c: cyclic, d: cyclic }

test.each<[string, (table: MethodTable) => void]>([
  ['an empty name', (table) => table.add('', f)],
  ['a name of 257 characters', (table) => table.add('x'.repeat(257), f)],
  ['the reserved name', (table) => table.add('$/cancel', f)],
  ['a name that is no text', (table) => table.add(7 as unknown as string, f)],
  ['no function', (table) => table.add('a', 1 as unknown as typeof f)],
  ['no object', (table) => table.addObject(f)],
  ['null', (table) => table.addObject(null as unknown as object)],
  ['an object that contains itself', (table) => table.addObject(cyclic)],
  ['an object with a number', (table) => table.addObject({ a: f, b: 1 })],
])('%s is refused, and nothing is added', (_name, add) => {
  const table = new MethodTable()
  expect(() => add(table)).toThrow(InvalidOptionsError)
  expect(table.get('a')).toBeUndefined()
})
