/** One piece of output as an engine sends it on an attached connection. */
export function stdcopy(stream: 1 | 2, payload: Buffer): Buffer {
  const header = Buffer.alloc(8)
  header.writeUInt8(stream, 0)
  header.writeUInt32BE(payload.length, 4)
  return Buffer.concat([header, payload])
}
