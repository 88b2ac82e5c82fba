/**
 * What may not reach a log or a terminal as it is: C0 and C1 controls, the line and paragraph separators, characters
 * that change direction or are invisible (Unicode TR 36 and TR 39), and lone surrogates.
 */
const UNPRINTABLE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g

const SHORT_ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function escapeCharacter(character: string): string {
  return SHORT_ESCAPES[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/**
 * Makes text of a guest safe to show: control, bidirectional and invisible characters and lone surrogates become
 * `\uXXXX`, and the result is cut.
 *
 * @param text - untrusted text of any length
 * @param maxChars - the longest result in UTF-16 units, the closing `…` included; at least 1; default 1,024
 */
export function printable(text: string, maxChars = 1_024): string {
  const escaped = text.slice(0, maxChars + 1).replace(UNPRINTABLE, escapeCharacter)
  if (escaped.length <= maxChars && text.length <= maxChars) return escaped
  let end = maxChars - 1
  const last = escaped.charCodeAt(end - 1)
  if (last >= 0xd800 && last <= 0xdbff) end -= 1
  return `${escaped.slice(0, end)}…`
}
