/** Writes lines as strace 6.1 does, from the description in its manual page and what it was seen to write. */
import fc from 'fast-check'

const letters = new Map([
  [0x0c, '\\f'],
  [0x0a, '\\n'],
  [0x0d, '\\r'],
  [0x09, '\\t'],
  [0x0b, '\\v'],
  [0x22, '\\"'],
  [0x5c, '\\\\'],
])

function escape(bytes: Uint8Array, further: string): string {
  return [...bytes]
    .map((byte, index) => {
      const letter = letters.get(byte)
      if (letter !== undefined) return letter
      const character = String.fromCharCode(byte)
      if (byte >= 0x20 && byte <= 0x7e && !further.includes(character)) return character
      const next = bytes[index + 1] ?? 0
      return `\\${byte.toString(8).padStart(next >= 0x30 && next <= 0x37 ? 3 : 1, '0')}`
    })
    .join('')
}

/** `"…"` */
export const quoted = (bytes: Uint8Array) => `"${escape(bytes, '')}"`

/** `<…>` */
export const bracketed = (bytes: Uint8Array) => `<${escape(bytes, '<>')}>`

/** The bytes that a decoded string stands for: the way back of `surrogateescape`. */
export function encode(text: string): Buffer {
  const parts = [...text].map((character) => {
    const unit = character.charCodeAt(0)
    return character.length === 1 && unit >= 0xdc80 && unit <= 0xdcff
      ? Buffer.from([unit - 0xdc00])
      : Buffer.from(character)
  })
  return Buffer.concat(parts)
}

const fragments = [
  '\n',
  '"',
  '\\',
  ')',
  '>',
  '<',
  ' = ',
  ' = 0\n',
  '") = 3',
  ' <unfinished ...>',
  '<... openat resumed>) = 3',
  ' (deleted)',
  '(deleted)',
  '/* ',
  ' */',
  "'",
  '{',
  '}',
  '[',
  ']',
  ', ',
  '...',
  '+++ exited with 0 +++',
  '--- SIGKILL {} ---',
  '1 1795359837.944284 unlink("/etc/passwd") = 0\n',
  '\n28348 1795360457.312488 +++ superseded by execve in pid 1 +++',
  '\x7f',
  '\x01',
  '7',
  'é',
  '😀',
  'strace: ',
  ' = -1 ENOENT (No such file or directory)',
  ' <pid changed to 5 ...>',
  '\r',
  '\t',
]

/** Names with every byte a name can have, and with everything that looks like strace's own words. */
export const names = fc
  .array(
    fc.oneof(
      fc.constantFrom(...fragments).map((text) => Buffer.from(text)),
      fc.uint8Array({ min: 1, maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
    ),
    { maxLength: 8 },
  )
  .map((parts) => Buffer.concat(parts))
