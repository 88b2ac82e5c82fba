/**
 * What may be sent: JSON values, and nothing that `JSON.stringify` would drop or change in silence.
 *
 * This walk only answers yes or no, because every message pays for it; `unsendable.ts` finds the path and the words
 * when the answer is no. `toJSON` is honoured. As in JSON, `undefined` members of objects are left out, and `undefined`
 * members and holes of arrays become `null`, so that `f(a, undefined, c)` can be called.
 */
import { MAX_MESSAGE_BYTES, MAX_MESSAGE_DEPTH, MAX_MESSAGE_VALUES } from './limits.js'

const BYTES_HINT = 'send it as base64 text or through a file'

/** Objects that JSON turns into `{}` or changes, by the name that `Object.prototype.toString` gives them in any realm. */
const REFUSED_OBJECTS: ReadonlyMap<string, readonly [what: string, hint?: string]> = new Map([
  ['Map', ['a Map', 'send Object.fromEntries(map) or [...map]']],
  ['Set', ['a Set', 'send [...set]']],
  ['WeakMap', ['a WeakMap']],
  ['WeakSet', ['a WeakSet']],
  ['WeakRef', ['a WeakRef']],
  ['Promise', ['a Promise', 'await it first']],
  ['RegExp', ['a RegExp', 'send its source']],
  ['Error', ['an Error', 'send its message']],
  ['ArrayBuffer', ['an ArrayBuffer', BYTES_HINT]],
  ['SharedArrayBuffer', ['a SharedArrayBuffer', BYTES_HINT]],
  ['BigInt', ['a BigInt', 'send it as text']],
  ['Symbol', ['a symbol']],
  ['Number', ['a Number object', 'send the number']],
])

/** @returns what the object is and a hint, when it is one that JSON cannot carry. */
export function refusedObject(value: object): readonly [what: string, hint?: string] | undefined {
  if (ArrayBuffer.isView(value)) return ['binary data', BYTES_HINT]
  const tag = Object.prototype.toString.call(value).slice(8, -1)
  if (tag === 'Date' && Number.isNaN(Number(value))) return ['an invalid Date']
  return REFUSED_OBJECTS.get(tag)
}

/** @returns what `JSON.stringify` would write for this object: itself, or what its `toJSON` returns. */
export function jsonValueOf(value: object, key: string | number): unknown {
  const { toJSON } = value as { toJSON?: unknown }
  if (typeof toJSON !== 'function') return value
  return (toJSON as (this: object, key: string) => unknown).call(value, String(key))
}

/** What is left of the caps while walking: a giant is refused before `JSON.stringify` builds its text. */
interface Budget {
  values: number
  chars: number
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === Array.prototype || prototype === null
}

function checkArray(array: readonly unknown[], depth: number, budget: Budget): boolean {
  budget.values -= array.length
  if (budget.values < 0) return false
  for (let index = 0; index < array.length; index += 1) {
    if (!checkValue(array[index], index, depth, budget)) return false
  }
  return true
}

function checkMembers(object: object, depth: number, budget: Budget): boolean {
  const keys = Object.keys(object)
  budget.values -= keys.length
  if (budget.values < 0) return false
  for (const key of keys) {
    budget.chars -= key.length
    if (key === '__proto__') return false
    if (!checkValue((object as Record<string, unknown>)[key], key, depth, budget)) return false
  }
  return budget.chars >= 0
}

function checkContainer(object: object, depth: number, budget: Budget): boolean {
  if (depth >= MAX_MESSAGE_DEPTH) return false
  budget.values -= 1
  return Array.isArray(object) ? checkArray(object, depth + 1, budget) : checkMembers(object, depth + 1, budget)
}

function checkValue(value: unknown, key: string | number, depth: number, budget: Budget): boolean {
  switch (typeof value) {
    case 'string':
      budget.chars -= value.length
      return budget.chars >= 0
    case 'number':
      return Number.isFinite(value)
    case 'boolean':
    case 'undefined':
      return true
    case 'object': {
      if (value === null) return true
      if (!isPlain(value) && refusedObject(value) !== undefined) return false
      const json = jsonValueOf(value, key)
      if (json === value) return checkContainer(value, depth, budget)
      if (typeof json !== 'object' || json === null) return checkValue(json, key, depth, budget)
      return refusedObject(json) === undefined && checkContainer(json, depth, budget)
    }
    default:
      return false
  }
}

/**
 * @param value - a whole message
 * @returns `false` when it holds a BigInt, a number that is not finite, a function, a symbol, binary data, a Map, a
 *   Set or the like, a `__proto__` member, or a cycle, or is over a cap (depth, values, size)
 */
export function isSendable(value: unknown): boolean {
  return value !== undefined && checkValue(value, '', 0, { values: MAX_MESSAGE_VALUES, chars: MAX_MESSAGE_BYTES })
}
