/** The bytes of an archive in pieces of bounded size, out of what a caller gave: plain or gzipped. */
import { Readable } from 'node:stream'
import { createGunzip, type Gunzip } from 'node:zlib'
import { InvalidOptionsError, UnsafeArchiveError } from '../errors.js'

const PIECE_BYTES = 64 * 1024

/** Of the longest magic below. */
const MAGIC_BYTES = 6

/** What is told from a tar archive, which begins with a name, by its first bytes. */
const OTHER_KINDS: readonly (readonly [magic: Buffer, kind: string])[] = [
  [Buffer.from('fd377a585a00', 'hex'), 'compressed with xz'],
  [Buffer.from('BZh'), 'compressed with bzip2'],
  [Buffer.from('28b52ffd', 'hex'), 'compressed with zstd'],
  [Buffer.from('PK\u0003\u0004'), 'a zip archive'],
]

/** RFC 1952, 2.3.1. */
const GZIP_MAGIC = Buffer.from('1f8b', 'hex')

/** An opened archive. */
export interface UnpackedStream {
  readonly pieces: AsyncIterable<Buffer>
  /** Ends it; whoever waits for a piece gets an error. */
  stop(): void
}

/**
 * Opens what a caller gave. The source is read to its end or destroyed.
 * @throws {UnsafeArchiveError} from `pieces`: for another kind of compression, or a gzip stream that is damaged or ends early.
 */
export function unpackStream(source: Readable): UnpackedStream {
  const gunzip = createGunzip({ chunkSize: PIECE_BYTES })
  // Errors reach whoever iterates; without a listener one that comes before would end the process.
  source.on('error', () => undefined)
  gunzip.on('error', () => undefined)
  const stop = (): void => {
    source.destroy()
    gunzip.destroy()
  }
  return { pieces: unpack(source, gunzip), stop }
}

async function* unpack(source: Readable, gunzip: Gunzip): AsyncGenerator<Buffer, void> {
  const pieces = cut(source)
  const head = await readHead(pieces)
  const other = OTHER_KINDS.find(([magic]) => head.subarray(0, magic.length).equals(magic))
  if (other !== undefined) {
    throw new UnsafeArchiveError(`the archive is ${other[1]}: give a tar archive, plain or compressed with gzip`)
  }
  const all = chain(head, pieces)
  if (!head.subarray(0, GZIP_MAGIC.length).equals(GZIP_MAGIC)) {
    yield* all
    return
  }
  const compressed = Readable.from(all, { objectMode: false })
  let sourceError: Error | null = null
  compressed.on('error', (error) => {
    sourceError = error
    gunzip.destroy(error)
  })
  compressed.pipe(gunzip)
  try {
    for await (const piece of gunzip as AsyncIterable<Buffer>) yield piece
  } catch (error) {
    if (error === sourceError) throw error
    const { message } = error as Error
    throw new UnsafeArchiveError(`the archive is damaged or ends early: gzip says '${message}'`, { cause: error })
  }
}

/** Small pieces, so that a cap is met soon after it is passed, whatever the caller's own pieces are. */
async function* cut(source: Readable): AsyncGenerator<Buffer, void> {
  for await (const chunk of source as AsyncIterable<unknown>) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    if (!(bytes instanceof Uint8Array))
      throw new InvalidOptionsError('the stream of the archive gives something that is neither bytes nor text')
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (let at = 0; at < buffer.length; at += PIECE_BYTES) yield buffer.subarray(at, at + PIECE_BYTES)
  }
}

async function readHead(pieces: AsyncGenerator<Buffer, void>): Promise<Buffer> {
  const parts: Buffer[] = []
  let bytes = 0
  while (bytes < MAGIC_BYTES) {
    const next = await pieces.next()
    if (next.done === true) break
    parts.push(next.value)
    bytes += next.value.length
  }
  return Buffer.concat(parts)
}

async function* chain(head: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head
  yield* rest
}
