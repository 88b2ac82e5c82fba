/**
 * Headers of tar archives, from bytes to bytes.
 *
 * File names are bytes on Linux; the common tar writers take strings and change a name that is not UTF-8. Here names stay
 * as they are. Times are 0 unless given and owners are numbers, so that equal content gives an equal archive.
 *
 * Source: POSIX.1-2017, pax, "ustar Interchange Format" and "pax Header Block".
 */

/** The size of a header and the unit to which contents are padded. */
export const TAR_BLOCK_BYTES = 512

/** The kinds of entries that layers hold: neither devices nor FIFOs. */
export type TarEntryType = 'file' | 'directory' | 'symlink' | 'hardlink'

/** What stands in the header of one entry. */
export interface TarHeader {
  /** Relative to the archive's root, without a leading slash and, for folders, without a trailing one. */
  readonly path: Buffer
  readonly type: TarEntryType
  /** Permission bits, for example 0o755. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Bytes of content that follow; 0 for everything but files. */
  readonly size: number
  /** Where a symlink or hard link leads. */
  readonly link?: Buffer | undefined
  /** When the content was changed, in whole seconds since 1970; 0 to 2^33 - 1. Default 0. */
  readonly mtimeSeconds?: number | undefined
}

const TYPE_FLAGS = { file: '0', hardlink: '1', symlink: '2', directory: '5', pax: 'x' } as const
const SLASH = Buffer.from('/')
const EMPTY = Buffer.alloc(0)
const MAX_NAME_BYTES = 100
const MAX_ID = 0o7777777
const MAX_SIZE = 0o77777777777

/** @returns one block, or three and more when something needs a pax record: a long name, a large number. */
export function encodeTarHeader(header: TarHeader): Buffer {
  const path = header.type === 'directory' ? Buffer.concat([header.path, SLASH]) : header.path
  const main = block(TYPE_FLAGS[header.type], path, header.link ?? EMPTY, header)
  if (fitsOneBlock(header)) return main
  const body = paxBody(header, path)
  const fields = { mode: 0o644, uid: 0, gid: 0, size: body.length }
  return Buffer.concat([
    block(TYPE_FLAGS.pax, Buffer.from('PaxHeader'), EMPTY, fields),
    body,
    tarPadding(body.length),
    main,
  ])
}

function fitsOneBlock(header: TarHeader): boolean {
  const pathBytes = header.path.length + (header.type === 'directory' ? 1 : 0)
  const namesFit = pathBytes <= MAX_NAME_BYTES && (header.link?.length ?? 0) <= MAX_NAME_BYTES
  return namesFit && header.size <= MAX_SIZE && header.uid <= MAX_ID && header.gid <= MAX_ID
}

function paxBody(header: TarHeader, path: Buffer): Buffer {
  const link = header.link ?? EMPTY
  return Buffer.concat([
    ...(path.length > MAX_NAME_BYTES ? [paxRecord('path', path)] : []),
    ...(link.length > MAX_NAME_BYTES ? [paxRecord('linkpath', link)] : []),
    ...(header.size > MAX_SIZE ? [paxRecord('size', Buffer.from(String(header.size)))] : []),
    ...(header.uid > MAX_ID ? [paxRecord('uid', Buffer.from(String(header.uid)))] : []),
    ...(header.gid > MAX_ID ? [paxRecord('gid', Buffer.from(String(header.gid)))] : []),
  ])
}

const ZEROS = Buffer.alloc(TAR_BLOCK_BYTES)

/** The zeros that follow a content of `size` bytes. */
export function tarPadding(size: number): Buffer {
  return ZEROS.subarray(0, (TAR_BLOCK_BYTES - (size % TAR_BLOCK_BYTES)) % TAR_BLOCK_BYTES)
}

/** The bytes that one entry takes: header, content and padding. */
export function tarEntryBytes(header: TarHeader): number {
  const headerBytes = fitsOneBlock(header) ? TAR_BLOCK_BYTES : encodeTarHeader(header).length
  return headerBytes + header.size + tarPadding(header.size).length
}

function block(
  flag: string,
  path: Buffer,
  link: Buffer,
  fields: Pick<TarHeader, 'mode' | 'uid' | 'gid' | 'size' | 'mtimeSeconds'>,
): Buffer {
  const bytes = Buffer.alloc(TAR_BLOCK_BYTES)
  path.copy(bytes, 0, 0, MAX_NAME_BYTES)
  octal(bytes, 100, 8, fields.mode)
  octal(bytes, 108, 8, Math.min(fields.uid, MAX_ID))
  octal(bytes, 116, 8, Math.min(fields.gid, MAX_ID))
  octal(bytes, 124, 12, Math.min(fields.size, MAX_SIZE))
  octal(bytes, 136, 12, fields.mtimeSeconds ?? 0)
  bytes.fill(0x20, 148, 156)
  bytes.write(flag, 156, 'latin1')
  link.copy(bytes, 157, 0, MAX_NAME_BYTES)
  bytes.write('ustar\u000000', 257, 'latin1')
  let sum = 0
  for (const byte of bytes) sum += byte
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return bytes
}

function octal(bytes: Buffer, at: number, width: number, value: number): void {
  bytes.write(value.toString(8).padStart(width - 1, '0'), at, 'latin1')
}

/** `"<length> <key>=<value>\n"`, where the length counts its own digits too. */
function paxRecord(key: string, value: Buffer): Buffer {
  const rest = key.length + value.length + 3
  let length = rest + String(rest).length
  if (String(length).length !== String(rest).length) length = rest + String(length).length
  return Buffer.concat([Buffer.from(`${length} ${key}=`), value, Buffer.from('\n')])
}
