/** The slow half of `sendable.ts`: finds what cannot be sent and names its path. */
import { MAX_MESSAGE_BYTES, MAX_MESSAGE_DEPTH, MAX_MESSAGE_VALUES } from './limits.js'
import { printable } from '../printable.js'
import { jsonValueOf, refusedObject } from './sendable.js'

const IDENTIFIER = /^[A-Za-z_$][\w$]{0,63}$/

function memberPath(path: string, key: string | number): string {
  if (typeof key === 'number') return `${path}[${key}]`
  return IDENTIFIER.test(key) ? `${path}.${key}` : `${path}["${printable(key, 64)}"]`
}

function refusal(path: string, what: string, hint?: string): string {
  return `${printable(path, 256)}: ${what} cannot be sent${hint === undefined ? '' : `; ${hint}`}`
}

function describeMembers(object: object, path: string, ancestors: readonly object[]): string | undefined {
  const inside = [...ancestors, object]
  if (Array.isArray(object)) {
    if (object.length > MAX_MESSAGE_VALUES) return refusal(path, `an array of ${object.length} members`)
    for (let index = 0; index < object.length; index += 1) {
      const found = describeValue(object[index], index, memberPath(path, index), inside)
      if (found !== undefined) return found
    }
    return undefined
  }
  for (const [key, member] of Object.entries(object)) {
    const place = memberPath(path, key)
    if (key === '__proto__') return refusal(place, 'a member of that name')
    const found = describeValue(member, key, place, inside)
    if (found !== undefined) return found
  }
  return undefined
}

function describeObject(
  value: object,
  key: string | number,
  path: string,
  ancestors: readonly object[],
): string | undefined {
  const refused = refusedObject(value)
  if (refused !== undefined) return refusal(path, ...refused)
  const json = jsonValueOf(value, key)
  if (json !== value && (typeof json !== 'object' || json === null)) return describeValue(json, key, path, ancestors)
  const object = json
  const refusedJson = refusedObject(object)
  if (refusedJson !== undefined) return refusal(path, ...refusedJson)
  if (ancestors.includes(object)) return refusal(path, 'a value that contains itself')
  if (ancestors.length >= MAX_MESSAGE_DEPTH) {
    return refusal(
      path,
      'a value nested deeper than the protocol allows',
      `the whole message may have ${MAX_MESSAGE_DEPTH} levels`,
    )
  }
  return describeMembers(object, path, ancestors)
}

function describeValue(
  value: unknown,
  key: string | number,
  path: string,
  ancestors: readonly object[],
): string | undefined {
  switch (typeof value) {
    case 'bigint':
      return refusal(path, 'a BigInt', 'send it as text')
    case 'number':
      return Number.isFinite(value) ? undefined : refusal(path, String(value))
    case 'function':
      return refusal(path, 'a function')
    case 'symbol':
      return refusal(path, 'a symbol')
    case 'object':
      return value === null ? undefined : describeObject(value, key, path, ancestors)
    default:
      return undefined
  }
}

/** @returns why `isSendable` refused this message, with the path of the member: `$.a[2]: a BigInt cannot be sent`. */
export function describeUnsendable(value: unknown): string {
  if (value === undefined) return refusal('$', 'undefined')
  const caps = `at most ${MAX_MESSAGE_VALUES} values and ${MAX_MESSAGE_BYTES} bytes`
  return describeValue(value, '', '$', []) ?? `$: the message is too large (${caps}); send files or split it`
}
