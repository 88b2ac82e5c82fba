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
import { SandboxError, UnsafeArchiveError } from '../errors.js'
import { encodeTarHeader, tarPadding, type TarHeader } from '../image/tar-header.js'
import { entrySegments, insideLink, LinkTable, refuseEntry, type EntryCount } from './archive-rules.js'
import { pulledStream } from './pulled-stream.js'
import { readArchive, type ReadEntry } from './read-archive.js'
import { unpackStream, type UnpackedStream } from './unpack-stream.js'

const ORIGIN = 'the archive has'

/** Two blocks of zeros end an archive (POSIX.1-2017, pax, "ustar Interchange Format"). */
const END_BYTES = 1024

const CHUNK_BYTES = 128 * 1024

/** The largest time of an entry: 2106, where 32 bits end. */
const MAX_TIME_SECONDS = 2 ** 32 - 1

/**
 * @param source - plain or gzipped; read to its end or destroyed
 * @param count - of nothing yet: what is to count the entries, with their caps
 * @returns the archive as it may go in. It fails with {@link UnsafeArchiveError} on the first entry that may not, and on an
 * archive that is none, damaged or cut off; with the source's own error when that fails.
 */
export function repackArchive(source: Readable, count: EntryCount): Readable {
  const unpacked = unpackStream(source)
  return pulledStream(
    repack(unpacked, count, () => source.errored),
    () => unpacked.stop(),
  )
}

async function* repack(
  unpacked: UnpackedStream,
  count: EntryCount,
  sourceError: () => Error | null,
): AsyncGenerator<Buffer, void, void> {
  const judge = new EntryJudge(count)
  try {
    const parts: Buffer[] = []
    let filled = 0
    const add = (part: Buffer): void => {
      parts.push(part)
      filled += part.length
    }
    for await (const entry of readArchive(unpacked.pieces, count)) {
      const header = judge.admit(entry)
      if (header !== null) add(encodeTarHeader(header))
      if (header?.type === 'file') {
        for await (const chunk of entry.content) {
          add(chunk)
          if (filled >= CHUNK_BYTES) yield Buffer.concat(parts.splice(0), filled)
          if (parts.length === 0) filled = 0
        }
        add(tarPadding(header.size))
      }
      if (filled >= CHUNK_BYTES) yield Buffer.concat(parts.splice(0), filled)
      if (parts.length === 0) filled = 0
    }
    add(Buffer.alloc(END_BYTES))
    yield Buffer.concat(parts, filled)
  } catch (error) {
    throw typed(error, sourceError())
  } finally {
    unpacked.stop()
  }
}

function typed(error: unknown, sourceError: Error | null): unknown {
  if (error instanceof SandboxError || error === sourceError) return error
  const { message } = error as Error
  return new UnsafeArchiveError(`the archive is none, or damaged: ${message}`, { cause: error })
}

/** Judges one entry after the other. */
class EntryJudge {
  readonly #count: EntryCount
  readonly #links = new LinkTable()

  constructor(count: EntryCount) {
    this.#count = count
  }

  /** @returns the entry as it goes in, or `null` for the root itself. @throws {UnsafeArchiveError} */
  admit(entry: ReadEntry): TarHeader | null {
    const { name, size, linkname } = entry
    const segments = entrySegments(ORIGIN, name)
    this.#count.add(size)
    const type = typeOf(entry)
    if (segments.length === 0) {
      if (type !== 'directory') refuseEntry(ORIGIN, 'would take the place of the root', name)
      return null
    }
    if (type === 'directory' ? this.#links.passesLink(segments) : this.#links.passesLinkBefore(segments))
      refuseEntry(ORIGIN, 'passes through a link', name)
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
      mode: entry.mode & 0o777,
      uid: 0,
      gid: 0,
      size: type === 'file' ? size : 0,
      link,
      mtimeSeconds: Math.min(Math.max(entry.mtimeSeconds, 0), MAX_TIME_SECONDS),
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

function typeOf({ type, name, isSparse }: ReadEntry): TarHeader['type'] {
  if (isSparse) refuseEntry(ORIGIN, 'is a sparse file: pack it without --sparse', name)
  if (type === 'file' || type === 'directory' || type === 'symlink') return type
  if (type === 'link') return 'hardlink'
  return refuseEntry(ORIGIN, type === 'unknown' ? 'is of a kind that is not known' : `is a ${type}`, name)
}
