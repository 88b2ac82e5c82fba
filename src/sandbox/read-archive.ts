/**
 * Reads tar archives that anybody may have written: POSIX ustar and pax, and those of GNU tar.
 *
 * Theory of operation. The readers of tar-stream and others keep every record of a pax header, and join those of a global one to
 * each header after it: 3.5 MiB of records made each further KiB of an archive take 0.4 s, in which the host did nothing
 * else. Here only records that change what an entry is are kept, a header has at most 1 MiB, and all that is no content has to
 * be in proportion to the entries ({@link EntryCount.explain}). So time and memory go with the bytes. What two readers
 * could take for two things is refused: a damaged record, a name that is given twice, a global header with names or sizes,
 * anything but zeros behind the end.
 *
 * Sources: POSIX.1-2017, pax, "ustar Interchange Format" and "pax Header Block"; GNU tar manual, "Basic Tar Format".
 */
import { TAR_BLOCK_BYTES, tarPadding } from '../image/tar-header.js'
import type { EntryCount } from './archive-rules.js'
import { ByteReader } from './byte-reader.js'

/** `unknown` is whatever has another type flag. */
export type ReadType =
  'file' | 'directory' | 'symlink' | 'link' | 'character-device' | 'block-device' | 'fifo' | 'unknown'

/** One entry as the archive has it: nothing of it is checked. */
export interface ReadEntry {
  readonly name: string
  readonly type: ReadType
  /** Bytes of content; 0 for folders. */
  readonly size: number
  readonly mode: number
  /** Seconds since 1970; 0 when it is none. */
  readonly mtimeSeconds: number
  /** Empty for none. */
  readonly linkname: string
  /** Its content is not what the file holds (GNU tar manual, "Storing Sparse Files"). */
  readonly isSparse: boolean
  /** May be read once, before the next entry is asked for. */
  readonly content: AsyncIterable<Buffer>
}

const MAX_HEADER_BYTES = 1024 ** 2

const TYPES: Readonly<Record<string, ReadType>> = {
  '\0': 'file',
  '0': 'file',
  '1': 'link',
  '2': 'symlink',
  '3': 'character-device',
  '4': 'block-device',
  '5': 'directory',
  '6': 'fifo',
  // A file whose blocks were to be next to each other.
  '7': 'file',
}

/** What headers before the one of an entry say about it. */
interface Extension {
  path?: string
  linkpath?: string
  size?: number
  isSparse?: boolean
}

/**
 * Gives one entry after the other, and reads what follows the last one.
 * @param count - is asked whether what was read so far is in proportion; whoever takes an entry adds it
 * @throws {Error} for what is no archive, is damaged, or ends early. {@link UnsafeArchiveError} from `count`.
 */
export async function* readArchive(archive: AsyncIterable<Buffer>, count: EntryCount): AsyncGenerator<ReadEntry, void> {
  const reader = new ByteReader(archive)
  let extension: Extension = {}
  for (let block = await blockOf(reader, count); !isZero(block); block = await blockOf(reader, count)) {
    const flag = String.fromCharCode(block[156] ?? 0)
    assertHeader(block)
    if ('xgLK'.includes(flag)) {
      extension = extend(extension, flag, await longHeader(reader, block, count))
      continue
    }
    const entry = entryOf(block, flag, extension)
    extension = {}
    const left = { bytes: entry.size }
    yield { ...entry, content: part(reader, left) }
    // What was not read, and the padding.
    for await (const rest of part(reader, left)) void rest
    await exactly(reader, tarPadding(entry.size).length)
  }
  if (!isZero(await blockOf(reader, count))) throw new Error('a block of zeros is in the middle of it')
  for (let rest = await reader.chunk(); rest !== null; rest = await reader.chunk()) {
    count.explain(reader.given)
    if (!isZero(rest)) throw new Error('something stands behind its end')
  }
}

async function blockOf(reader: ByteReader, count: EntryCount): Promise<Buffer> {
  const block = await exactly(reader, TAR_BLOCK_BYTES)
  count.explain(reader.given)
  return block
}

async function exactly(reader: ByteReader, bytes: number): Promise<Buffer> {
  const read = await reader.exactly(bytes)
  if (read === null) throw new Error('it ends early')
  return read
}

async function* part(reader: ByteReader, left: { bytes: number }): AsyncGenerator<Buffer, void> {
  while (left.bytes > 0) {
    const chunk = await reader.chunk(left.bytes)
    if (chunk === null) throw new Error('it ends early')
    left.bytes -= chunk.length
    yield chunk
  }
}

async function longHeader(reader: ByteReader, block: Buffer, count: EntryCount): Promise<Buffer> {
  const size = numberAt(block, 124, 12)
  if (!(size <= MAX_HEADER_BYTES)) throw new Error(`a header has more than ${MAX_HEADER_BYTES} bytes`)
  const content = await exactly(reader, size)
  await exactly(reader, tarPadding(size).length)
  count.explain(reader.given)
  return content
}

function extend(extension: Extension, flag: string, content: Buffer): Extension {
  const added =
    flag === 'L' ? { path: textIn(content) } : flag === 'K' ? { linkpath: textIn(content) } : paxRecords(content)
  if (flag === 'g' && Object.keys(added).length > 0) throw new Error('a global header sets a name or a size')
  for (const [key, value] of Object.entries(added)) {
    if (key in extension && extension[key as keyof Extension] !== value)
      throw new Error('two headers tell different things of one entry')
  }
  return { ...extension, ...added }
}

/** The records that change what an entry is. */
function paxRecords(content: Buffer): Extension {
  const records: Extension = {}
  for (let at = 0; at < content.length;) {
    const space = content.indexOf(0x20, at)
    const digits = space === -1 || space - at > 8 ? '' : content.toString('latin1', at, space)
    const end = /^\d+$/.test(digits) ? at + Number(digits) : 0
    const equals = content.indexOf(0x3d, space)
    if (equals === -1 || end <= equals || end > content.length || content[end - 1] !== 0x0a)
      throw new Error('a pax header is damaged')
    const keyword = content.toString('latin1', space + 1, Math.min(equals, space + 16))
    const value = (): string => content.toString('utf8', equals + 1, end - 1)
    if (keyword === 'path' && end - 1 > equals + 1) records.path = value()
    else if (keyword === 'linkpath' && end - 1 > equals + 1) records.linkpath = value()
    else if (keyword === 'size') records.size = sizeOf(value())
    else if (keyword.startsWith('GNU.sparse.')) records.isSparse = true
    at = end
  }
  return records
}

function sizeOf(text: string): number {
  const size = /^\d{1,16}$/.test(text) ? Number(text) : NaN
  if (!Number.isSafeInteger(size)) throw new Error('an entry has a size that is none')
  return size
}

function entryOf(block: Buffer, flag: string, extension: Extension): Omit<ReadEntry, 'content'> {
  const name = extension.path ?? ustarName(block)
  const known = Object.hasOwn(TYPES, flag) ? (TYPES[flag] ?? 'unknown') : 'unknown'
  // As it was before there was a flag for folders.
  const type = known === 'file' && name.endsWith('/') ? 'directory' : known
  const size = extension.size ?? numberAt(block, 124, 12)
  if (!Number.isSafeInteger(size)) throw new Error('an entry has a size that is none')
  const seconds = numberAt(block, 136, 12)
  return {
    name,
    type,
    size: type === 'directory' ? 0 : size,
    mode: numberAt(block, 100, 8) || 0,
    mtimeSeconds: Number.isSafeInteger(seconds) ? seconds : 0,
    linkname: extension.linkpath ?? textIn(block.subarray(157, 257)),
    isSparse: extension.isSparse === true,
  }
}

/** GNU tar has other things where others have the beginning of the name. */
function ustarName(block: Buffer): string {
  const name = textIn(block.subarray(0, 100))
  const prefix = block[262] === 0 ? textIn(block.subarray(345, 500)) : ''
  return prefix === '' ? name : `${prefix}/${name}`
}

function assertHeader(block: Buffer): void {
  const magic = block.toString('latin1', 257, 265)
  if (!magic.startsWith('ustar\0') && magic !== 'ustar  \0') throw new Error('a header is of no known format')
  let sum = 8 * 0x20
  for (let at = 0; at < TAR_BLOCK_BYTES; at += 1) if (at < 148 || at >= 156) sum += block[at] ?? 0
  if (sum !== numberAt(block, 148, 8)) throw new Error('the checksum of a header is wrong')
}

/** Octal digits between spaces and NULs, or with the highest bit set the bytes of the number. @returns `NaN` for what is none */
function numberAt(block: Buffer, at: number, length: number): number {
  const field = block.subarray(at, at + length)
  if (((field[0] ?? 0) & 0x80) !== 0) {
    return field[0] === 0x80 ? field.subarray(1).reduce((sum, byte) => sum * 256 + byte, 0) : NaN
  }
  const digits = /^[ \0]*([0-7]*)[ \0]*$/.exec(field.toString('latin1'))?.[1]
  return digits === undefined ? NaN : digits === '' ? 0 : parseInt(digits, 8)
}

function textIn(field: Buffer): string {
  const end = field.indexOf(0)
  return field.toString('utf8', 0, end === -1 ? field.length : end)
}

const ZEROS = Buffer.alloc(64 * 1024)

function isZero(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at += ZEROS.length) {
    const piece = bytes.subarray(at, at + ZEROS.length)
    if (!piece.equals(ZEROS.subarray(0, piece.length))) return false
  }
  return true
}
