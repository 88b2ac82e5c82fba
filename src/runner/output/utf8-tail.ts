/**
 * Length of an unfinished UTF-8 character at the end of some bytes, 0 to 3: the next chunk can complete it. Some of what it counts can
 * become no character any more; decoded with what follows it is the same U+FFFD (the Unicode Standard, 3.9, table 3-7).
 */
export function unfinishedBytes(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] as number
    if ((byte & 0xc0) !== 0x80) return back < characterBytes(byte) ? back : 0
  }
  return 0
}

function characterBytes(lead: number): number {
  if (lead < 0xc0) return 1
  if (lead < 0xe0) return 2
  return lead < 0xf0 ? 3 : 4
}
