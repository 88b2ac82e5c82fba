/** How many columns of a terminal a text takes. Where terminals differ, more rather than fewer. */

/**
 * Code points of two columns: East_Asian_Width W and F (UAX #11, EastAsianWidth.txt), in blocks. Emoji are found by their own
 * property.
 */
const WIDE =
  /[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{16fe0}-\u{18cff}\u{18d00}-\u{18d08}\u{1aff0}-\u{1b2ff}\u{1f200}-\u{1f2ff}\u{20000}-\u{3fffd}]|\p{Extended_Pictographic}|\p{Regional_Indicator}/u
const NARROW_PICTOGRAPHS = /[\u00a9\u00ae\u2122]/
const COMBINING = /^[\p{Mn}\p{Me}]$/u
const PLAIN = /^[\x20-\x7e]*$/

function characterWidth(character: string): number {
  if (PLAIN.test(character)) return 1
  if (COMBINING.test(character)) return 0
  return WIDE.test(character) && !NARROW_PICTOGRAPHS.test(character) ? 2 : 1
}

/** Columns of a text without control characters. */
export function textWidth(text: string): number {
  if (PLAIN.test(text)) return text.length
  let width = 0
  for (const character of text) width += characterWidth(character)
  return width
}

/** The longest beginning that fits; `…` ends what was cut. */
export function cutToWidth(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text
  let width = 0
  let kept = ''
  for (const character of text) {
    width += characterWidth(character)
    if (width > columns - 1) break
    kept += character
  }
  return columns < 1 ? '' : `${kept}…`
}
