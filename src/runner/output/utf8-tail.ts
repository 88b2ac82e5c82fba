/** The bytes that a chunk of UTF-8 ends with and that the next chunk can complete. */

/**
 * Length of an unfinished character at the end: 0 to 3 bytes. What cannot become a character counts as finished, so that decoding
 * piece by piece gives as many U+FFFD as decoding the whole (the Unicode Standard, 3.9, table 3-7 and "maximal subparts").
 */
export function unfinishedBytes(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const lead = bytes[bytes.length - back] as number
    if ((lead & 0xc0) === 0x80) continue
    const second = back > 1 ? (bytes[bytes.length - back + 1] as number) : null
    return back < characterBytes(lead) && (second === null || canFollow(lead, second)) ? back : 0
  }
  return 0
}

function characterBytes(lead: number): number {
  if (lead >= 0xc2 && lead <= 0xdf) return 2
  if (lead >= 0xe0 && lead <= 0xef) return 3
  return lead >= 0xf0 && lead <= 0xf4 ? 4 : 1
}

/** Whether a continuation byte may be the second after `lead`: not in an overlong form, a surrogate or beyond U+10FFFF. */
function canFollow(lead: number, second: number): boolean {
  if (lead === 0xe0) return second >= 0xa0
  if (lead === 0xed) return second < 0xa0
  if (lead === 0xf0) return second >= 0x90
  return lead !== 0xf4 || second < 0x90
}
