/**
 * An archive of a caller on its way into a sandbox, checked on the host entry by entry.
 *
 * Theory of operation. The archive may come from anybody. It is read, each entry is judged by the rules of
 * `archive-rules.ts`, and what passes is written anew: a plain header with a name, a kind, nine permission bits, a size and a
 * time. So owners, special bits, extended attributes and every trick with repeated or contradicting headers end here, and
 * supervisor and host cannot read one archive in two ways. Memory stays bounded: nothing but the names of links is kept,
 * and headers, padding and whatever else is no content may only be in proportion to the entries.
 */
import type { Readable } from 'node:stream'
import { extract, type Extract, type Header } from 'tar-stream'
import { SandboxError, UnsafeArchiveError } from '../errors.js'
import { encodeTarHeader, tarPadding, type TarHeader } from '../image/tar-header.js'
import { EntryCount, entrySegments, insideLink, LinkTable, refuseEntry, type EntryLimits } from './archive-rules.js'
import { pulledStream } from './pulled-stream.js'
import { unpackStream, type UnpackedStream } from './unpack-stream.js'

const ORIGIN = 'the archive has'

/** A header as tar-stream gives it; the records of its pax header are not in the type. */
type ParsedHeader = Header & { readonly pax?: Readonly<Record<string, string>> }

/** Two blocks of zeros end an archive (POSIX.1-2017, pax, "ustar Interchange Format"). */
const END_BYTES = 1024

const CHUNK_BYTES = 128 * 1024

/** The largest time of an entry: 2106, where 32 bits end. */
const MAX_TIME_SECONDS = 2 ** 32 - 1

/**
 * @param source - plain or gzipped; read to its end or destroyed
 * @param count - what is to count the entries, for who wants to know
 * @returns the archive as it may go in. It fails with {@link UnsafeArchiveError} on the first entry that may not, and on an
 * archive that is none, damaged or cut off; with the source's own error when that fails.
 */
export function repackArchive(source: Readable, limits: EntryLimits, count = new EntryCount(limits)): Readable {
  const unpacked = unpackStream(source)
  const parser = extract()
  parser.on('error', () => undefined)
  const stop = (): void => {
    unpacked.stop()
    parser.destroy()
  }
  return pulledStream(
    repack(unpacked, parser, count, () => source.errored),
    stop,
  )
}

async function* repack(
  unpacked: UnpackedStream,
  parser: Extract,
  count: EntryCount,
  sourceError: () => Error | null,
): AsyncGenerator<Buffer, void, void> {
  const judge = new EntryJudge(count)
  const fed = feed(unpacked, parser, judge)
  let feedError: unknown = null
  fed.catch((error: unknown) => {
    feedError = error
    parser.destroy(error as Error)
  })
  try {
    const parts: Buffer[] = []
    let filled = 0
    const add = (part: Buffer): void => {
      parts.push(part)
      filled += part.length
    }
    for await (const entry of parser) {
      const header = judge.admit(entry.header as ParsedHeader)
      if (header !== null) add(encodeTarHeader(header))
      if (header?.type !== 'file' || header.size === 0) entry.resume()
      else {
        for await (const chunk of entry as AsyncIterable<Buffer>) {
          add(chunk)
          if (filled >= CHUNK_BYTES) yield Buffer.concat(parts.splice(0), filled)
          if (parts.length === 0) filled = 0
        }
        add(tarPadding(header.size))
      }
      if (filled >= CHUNK_BYTES) yield Buffer.concat(parts.splice(0), filled)
      if (parts.length === 0) filled = 0
    }
    await fed
    add(Buffer.alloc(END_BYTES))
    yield Buffer.concat(parts, filled)
  } catch (error) {
    // What the feeding failed with says more than what the parser makes of it.
    throw typed(feedError ?? error, sourceError())
  } finally {
    unpacked.stop()
    parser.destroy()
  }
}

function typed(error: unknown, sourceError: Error | null): unknown {
  if (error instanceof SandboxError || error === sourceError) return error
  const { message } = error as Error
  return new UnsafeArchiveError(`the archive is none, or damaged: ${message}`, { cause: error })
}

async function feed(unpacked: UnpackedStream, parser: Extract, judge: EntryJudge): Promise<void> {
  let zeros = 0
  for await (const piece of unpacked.pieces) {
    if (parser.destroyed) return
    judge.read(piece.length)
    zeros = trailingZeros(piece, zeros)
    if (!parser.write(piece)) await drained(parser)
  }
  if (zeros < END_BYTES) throw new UnsafeArchiveError('the archive ends early: its closing blocks are missing')
  parser.end(null)
}

function drained(parser: Extract): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      parser.off('drain', done).off('close', done)
      resolve()
    }
    parser.on('drain', done).on('close', done)
  })
}

function trailingZeros(piece: Buffer, before: number): number {
  const from = Math.max(0, piece.length - END_BYTES)
  let at = piece.length
  while (at > from && piece[at - 1] === 0) at -= 1
  return at === 0 ? before + piece.length : piece.length - at
}

/** Judges one entry after the other. */
class EntryJudge {
  readonly #count: EntryCount
  readonly #links = new LinkTable()
  #bytesRead = 0

  constructor(count: EntryCount) {
    this.#count = count
  }

  /** @throws {UnsafeArchiveError} when more was read than the entries so far explain. */
  read(bytes: number): void {
    this.#bytesRead += bytes
    this.#count.explain(this.#bytesRead)
  }

  /** @returns the entry as it goes in, or `null` for the root itself. @throws {UnsafeArchiveError} */
  admit(header: ParsedHeader): TarHeader | null {
    const { name } = header
    const size = header.size ?? 0
    if (!Number.isSafeInteger(size) || size < 0) refuseEntry(ORIGIN, 'has a size that is none', name)
    const segments = entrySegments(ORIGIN, name)
    this.#count.add(size)
    const type = typeOf(header)
    if (segments.length === 0) {
      if (type !== 'directory') refuseEntry(ORIGIN, 'would take the place of the root', name)
      return null
    }
    if (type === 'directory' ? this.#links.passesLink(segments) : this.#links.passesLinkBefore(segments))
      refuseEntry(ORIGIN, 'passes through a link', name)
    const linkname = header.linkname ?? ''
    let link: Buffer | undefined
    if (type === 'symlink') {
      link = Buffer.from(insideLink(ORIGIN, segments, linkname))
      this.#links.add(segments)
    } else {
      this.#links.remove(segments)
      if (type === 'hardlink') link = Buffer.from(this.#hardLink(name, linkname))
    }
    return {
      path: Buffer.from(segments.join('/')),
      type,
      mode: (header.mode ?? 0o644) & 0o777,
      uid: 0,
      gid: 0,
      size: type === 'file' ? size : 0,
      link,
      mtimeSeconds: timeOf(header),
    }
  }

  /** A hard link to a link would be that link at another place, from where it can lead out. */
  #hardLink(name: string, linkname: string): string {
    const segments = entrySegments(ORIGIN, linkname)
    if (segments.length === 0 || this.#links.passesLink(segments))
      refuseEntry(ORIGIN, 'is a hard link to a link or to the root', name)
    return segments.join('/')
  }
}

function typeOf(header: ParsedHeader): TarHeader['type'] {
  const { type, name } = header
  // GNU tar, "Storing Sparse Files": the content is not what the file holds.
  if (Object.keys(header.pax ?? {}).some((key) => key.startsWith('GNU.sparse.')))
    refuseEntry(ORIGIN, 'is a sparse file: pack it without --sparse', name)
  if (type === 'file' || type === 'contiguous-file') return 'file'
  if (type === 'directory' || type === 'symlink') return type
  if (type === 'link') return 'hardlink'
  return refuseEntry(ORIGIN, `is a ${type ?? 'file of a kind that is not known'}`, name)
}

function timeOf({ mtime }: Header): number {
  const seconds = Math.floor((mtime?.getTime() ?? 0) / 1000)
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0), MAX_TIME_SECONDS) : 0
}
