/** Takes single arguments apart, when somebody asks. Each function gets an argument exactly as strace printed it. */
import { decodeEscapes } from './escapes.js'
import type { DescriptorText } from './record.js'
import { endOfQuoted, scanItems } from './scanner.js'

const deletedMark = '(deleted)'

/** A string argument. `truncated`: the guest's string was longer than what strace prints. */
export interface StringText {
  readonly value: string
  readonly truncated: boolean
}

/** An array argument. `truncated`: it goes on, or the rest could not be read. */
export interface ListText {
  readonly items: readonly string[]
  readonly truncated: boolean
}

/** `"/etc/passwd"` or `"abc"...`; `null` for an address, `NULL` and anything else that is no string. */
export function readString(arg: string): StringText | null {
  if (arg.charCodeAt(0) !== 0x22) return null
  const end = endOfQuoted(arg, 0, arg.length)
  if (end < 0) return null
  const truncated = end !== arg.length - 1
  if (truncated && arg.slice(end + 1) !== '...') return null
  const value = decodeEscapes(arg.slice(1, end))
  return value === null ? null : { value, truncated }
}

/** `3</etc/passwd>`, `AT_FDCWD</work>`, `5</tmp/a>(deleted)`, `-1`; `null` for what is no descriptor. */
export function readDescriptor(arg: string): DescriptorText | null {
  const annotated = arg.indexOf('<')
  const number = annotated < 0 ? arg : arg.slice(0, annotated)
  if (number !== 'AT_FDCWD' && !/^-?\d{1,10}$/.test(number)) return null
  const fd = number === 'AT_FDCWD' ? null : Number(number)
  if (annotated < 0) return { fd, path: null, deleted: false }
  const end = arg.indexOf('>', annotated)
  const rest = end < 0 ? null : arg.slice(end + 1)
  if (rest !== '' && rest !== deletedMark) return null
  const path = decodeEscapes(arg.slice(annotated + 1, end))
  return path === null ? null : { fd, path, deleted: rest === deletedMark }
}

/** `O_RDONLY|O_CLOEXEC` as its words; a number that has no name stays a number, comments are left out. */
export function readFlags(arg: string): readonly string[] {
  const plain = arg.includes('/*') ? arg.replaceAll(/ *\/\*.*?\*\//gs, '') : arg
  return plain.split('|')
}

/**
 * The top-level fields of `{sa_family=AF_INET, sin_port=htons(80), ...}` with their raw values.
 * A field that is written as a call with its address, `inet_pton(AF_INET6, "::1", &sin6_addr)`, goes by that name.
 * Of `{in} => {out}` only the first is read.
 */
export function readStruct(arg: string): ReadonlyMap<string, string> | null {
  if (arg.charCodeAt(0) !== 0x7b) return null
  const members: string[] = []
  const end = scanItems(arg, 1, arg.length, members)
  if (end < 0 || arg.charAt(end) !== '}') return null
  const fields = new Map<string, string>()
  for (const member of members) {
    const field = readNamed(member)
    if (field !== null) fields.set(field.name, field.value)
  }
  return fields
}

/** `name=value`, as a field of a struct or an argument of clone; `null` for what has no name. */
export function readNamed(text: string): { readonly name: string; readonly value: string } | null {
  const named = /^[A-Za-z_]\w*(?==)/.exec(text)
  if (named !== null) return { name: named[0], value: text.slice(named[0].length + 1) }
  const pointed = /^[a-z]\w*\(.*, &(\w+)\)$/.exec(text)
  return pointed?.[1] === undefined ? null : { name: pointed[1], value: text }
}

/** `["cat", "a b", ...]` as raw items; `null` for an address and anything else that is no array. */
export function readList(arg: string): ListText | null {
  if (arg.charCodeAt(0) !== 0x5b) return null
  const items: string[] = []
  if (scanItems(arg, 1, arg.length, items) !== arg.length - 1 || !arg.endsWith(']')) return null
  const truncated = items.at(-1)?.startsWith('...') === true
  if (truncated) items.pop()
  return { items, truncated }
}
