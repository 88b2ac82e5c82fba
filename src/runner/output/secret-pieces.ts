/** What is searched for and what stands in its place. */

/**
 * A longer form is searched for in pieces of this length to twice as much. So no more than that is ever held back, a piece of a key
 * is masked as the whole key is, and pieces that follow each other are masked as one.
 */
const PIECE_BYTES = 64

const ASTERISKS = Buffer.from('***')
const FURTHER_MASKS = ['###', '===', '+++']

/** A block element; the search for a character that no secret holds begins here. */
const FIRST_RARE = 0x2588

/** Cuts a form between its characters. @returns pieces of at most 127 bytes that are the form when joined */
export function cutPieces(form: string): Buffer[] {
  const bytes = Buffer.from(form)
  const pieces = []
  let begin = 0
  while (bytes.length - begin >= 2 * PIECE_BYTES) {
    let end = begin + PIECE_BYTES
    while (isContinuation(bytes[end])) end += 1
    pieces.push(bytes.subarray(begin, end))
    begin = end
  }
  return [...pieces, bytes.subarray(begin)]
}

/**
 * What stands for a secret: `***`, or where that could become a part of a secret together with what is beside it, another text. So
 * what was masked never holds a secret.
 */
export function chooseMask(pieces: readonly Uint8Array[]): Buffer {
  const simple = [ASTERISKS, ...FURTHER_MASKS.map((text) => Buffer.from(text))]
  return simple.find((mask) => pieces.every((piece) => isApart(mask, piece))) ?? rareMask(pieces)
}

/** Whether no end of `piece` can lie in a mask of one repeated byte, nor the mask inside it. */
function isApart(mask: Buffer, piece: Uint8Array): boolean {
  const [byte] = mask
  if (piece[0] === byte || piece[piece.length - 1] === byte) return false
  return !Buffer.from(piece.buffer, piece.byteOffset, piece.length).includes(mask)
}

function rareMask(pieces: readonly Uint8Array[]): Buffer {
  const used = new Set<string>()
  for (const piece of pieces) {
    for (const character of Buffer.from(piece).toString()) used.add(character)
  }
  let code = FIRST_RARE
  while (used.has(String.fromCodePoint(code)) || (code >= 0xd800 && code <= 0xdfff)) code += 1
  return Buffer.from(String.fromCodePoint(code).repeat(3))
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80
}
