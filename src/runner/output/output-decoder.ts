/** The bytes that a step prints on one stream, as masked text in pieces of bounded length. */
import type { SecretMasker, MaskedStream } from './secret-masker.js'
import { unfinishedBytes } from './utf8-tail.js'

/** The longest piece, in UTF-16 units. */
export const MAX_PIECE_UNITS = 32 * 1024

const NOTHING = Buffer.alloc(0)

/**
 * Decodes one stream. All pieces joined are the masked stream in UTF-8, where bytes that are none are U+FFFD; the chunks it came in
 * make no difference to that. Nothing else is changed: escape sequences of terminals and characters that change direction are
 * in the pieces, and whoever shows them escapes them (`printable`).
 *
 * A piece has at most {@link MAX_PIECE_UNITS}. It ends with a line where it can; a longer line comes in several. So no more than two
 * pieces are kept, however long a line is.
 */
export class OutputDecoder {
  readonly #masked: MaskedStream
  /** An unfinished character. */
  #tail: Buffer = NOTHING
  /** An unfinished line, shorter than a piece. */
  #line = ''

  constructor(masker: SecretMasker) {
    this.#masked = masker.stream()
  }

  /** Whether {@link flush} has something to give. */
  get hasLine(): boolean {
    return this.#line !== ''
  }

  /** @returns whole lines, and of a line that is longer than a piece what there is of it */
  push(chunk: Buffer): string[] {
    return this.#cut(this.#decode(this.#masked.push(chunk)))
  }

  /** The unfinished line, for example because nothing followed it for a while. What may be a secret's beginning stays. */
  flush(): string[] {
    const line = this.#line
    this.#line = ''
    return line === '' ? [] : [line]
  }

  /** All that is left. What is pushed later is another stream. */
  end(): string[] {
    const rest = this.#decode(this.#masked.end()) + this.#tail.toString()
    this.#tail = NOTHING
    return [...this.#cut(rest), ...this.flush()]
  }

  #decode(bytes: Buffer): string {
    const all = this.#tail.length === 0 ? bytes : Buffer.concat([this.#tail, bytes])
    const end = all.length - unfinishedBytes(all)
    this.#tail = end === all.length ? NOTHING : Buffer.from(all.subarray(end))
    return all.toString('utf8', 0, end)
  }

  /** Looks at new text only: a line that comes byte by byte is not searched again with every byte. */
  #cut(text: string): string[] {
    if (text === '') return []
    const lines = text.lastIndexOf('\n') + 1
    if (lines === 0 && this.#line.length + text.length < MAX_PIECE_UNITS) {
      this.#line += text
      return []
    }
    const all = this.#line + text
    const whole = lines === 0 ? 0 : this.#line.length + lines
    const pieces = []
    let at = 0
    while (whole - at > 0 || all.length - at >= MAX_PIECE_UNITS) {
      const end = pieceEnd(all, at, whole)
      pieces.push(all.slice(at, end))
      at = end
    }
    this.#line = all.slice(at)
    return pieces
  }
}

/** @param whole - where the last whole line ends */
function pieceEnd(text: string, at: number, whole: number): number {
  const furthest = at + MAX_PIECE_UNITS
  if (whole > at && whole <= furthest) return whole
  const lineEnd = text.slice(at, furthest).lastIndexOf('\n') + 1
  if (lineEnd > 0) return at + lineEnd
  return isLeadSurrogate(text.charCodeAt(furthest - 1)) ? furthest - 1 : furthest
}

function isLeadSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff
}
