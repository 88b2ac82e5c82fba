import { createHash } from 'node:crypto'

/** Raised whenever the same inputs give another image, so that images of older versions are not taken for new ones. */
export const IMAGE_FORMAT = 1

/** Hex digits of a key in a tag: 160 bits, beyond any chance of two contents with one key. */
const KEY_DIGITS = 40

/**
 * One key for everything that an image is made of. Each part is preceded by its length, so that no two lists of parts run
 * together to the same bytes.
 *
 * @returns 40 hex digits, usable as a tag.
 */
export function contentKey(...parts: readonly (string | number)[]): string {
  const hash = createHash('sha256')
  for (const part of [IMAGE_FORMAT, ...parts]) {
    const text = String(part)
    hash.update(`${Buffer.byteLength(text)}:${text},`)
  }
  return hash.digest('hex').slice(0, KEY_DIGITS)
}
