/** How many characters of a foreign name a message shows. */
const SHOWN_CHARACTERS = 200

/**
 * A file name or path as it may stand in a message: control characters and bytes that are not UTF-8 are escaped and long
 * names are cut, so that a name can neither forge a line of a log nor flood it.
 */
export function printable(name: Buffer | string): string {
  const text = typeof name === 'string' ? name : name.toString('utf8')
  const cut = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text
  return cut.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u{fffd}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
  })
}
