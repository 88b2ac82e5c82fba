/**
 * What an entry of an archive may be, by its text alone: one set of rules for what comes out of a sandbox and what goes in.
 *
 * Theory of operation. A name is relative, without `..`, NUL, over-long parts and too many of them. A link is kept when,
 * read from where it stands, it stays below the root. Both hold only as long as no folder on the way is itself a link: the
 * extractor opens each folder without following links, and {@link LinkTable} remembers the links of an archive that is passed on.
 */
import { UnsafeArchiveError } from '../errors.js'
import { printable } from '../printable.js'

/** The most that is taken of an archive: bytes of content, and entries. */
export interface EntryLimits {
  readonly maxBytes: number
  readonly maxEntries: number
}

/** NAME_MAX and PATH_MAX of Linux (limits.h). */
const NAME_MAX = 255
const PATH_MAX = 4096

/**
 * Deeper nesting would need more descriptors than a process should take, since each folder on the way is held open, and
 * whoever compares a name with what stands on the way to it would need time for the square of its length.
 */
export const MAX_SEGMENTS = 256

/** What may not be content: for each entry its headers with long names and attributes, and some at the end. */
const OVERHEAD_BYTES_PER_ENTRY = 8 * 1024
const OVERHEAD_BYTES = 4 * 1024 ** 2

/** What the names of all links of one archive may take in memory. */
const MAX_LINK_NAME_BYTES = 64 * 1024 ** 2

/** @throws {UnsafeArchiveError} always. `origin` begins the message: `the guest sent` or `the archive has`. */
export function refuseEntry(origin: string, why: string, name: string): never {
  throw new UnsafeArchiveError(`${origin} an entry that ${why}: '${printable(name, 120)}'`, { details: { why } })
}

/**
 * The segments of a name that stays below its root; empty for the root itself.
 * @throws {UnsafeArchiveError}
 */
export function entrySegments(origin: string, name: string): string[] {
  if (Buffer.byteLength(name) > PATH_MAX) refuseEntry(origin, `has a name over ${PATH_MAX} bytes`, name)
  if (name.includes('\0')) refuseEntry(origin, 'has a NUL in its name', name)
  if (name.startsWith('/')) refuseEntry(origin, 'has an absolute name', name)
  const segments = name.split('/').filter((segment) => segment !== '' && segment !== '.')
  if (segments.length > MAX_SEGMENTS) refuseEntry(origin, `is nested deeper than ${MAX_SEGMENTS}`, name)
  if (segments.includes('..')) refuseEntry(origin, "climbs with '..'", name)
  if (segments.some((segment) => Buffer.byteLength(segment) > NAME_MAX))
    refuseEntry(origin, `has a segment over ${NAME_MAX} bytes`, name)
  return segments
}

/**
 * A link is kept when, read from where it stands, it stays below the root; others would lead the reader out. `..` is only
 * taken at the beginning, where it climbs real folders: after a name, which may itself be a link, it could climb further.
 * @returns `linkname`
 * @throws {UnsafeArchiveError}
 */
export function insideLink(origin: string, segments: readonly string[], linkname: string): string {
  const steps = linkname.split('/').filter((step) => step !== '' && step !== '.')
  const climbs = steps.findIndex((step) => step !== '..')
  const up = climbs === -1 ? steps.length : climbs
  if (isLinkText(linkname) && !linkname.startsWith('/') && up < segments.length && !steps.slice(up).includes('..'))
    return linkname
  throw new UnsafeArchiveError(
    `${origin} a link that leads out: '${printable(segments.join('/'), 120)}' -> '${printable(linkname, 120)}'`,
    { details: { why: 'is a link that leads out' } },
  )
}

/** Whether the kernel can make a link with this text (symlink(2)). */
export function isLinkText(linkname: string): boolean {
  return linkname !== '' && !linkname.includes('\0') && Buffer.byteLength(linkname) < PATH_MAX
}

/** Counts what an archive holds against its caps. */
export class EntryCount {
  entries = 0
  bytes = 0
  readonly #limits: EntryLimits

  constructor(limits: EntryLimits) {
    this.#limits = limits
  }

  /** @throws {UnsafeArchiveError} when more bytes of the archive came than the entries so far need. */
  explain(archiveBytes: number): void {
    if (archiveBytes > this.bytes + this.entries * OVERHEAD_BYTES_PER_ENTRY + OVERHEAD_BYTES)
      throw new UnsafeArchiveError('the archive has headers or padding out of all proportion to its entries')
  }

  /** @param size - bytes of content, as the entry itself says. @throws {UnsafeArchiveError} */
  add(size: number): void {
    const { maxBytes, maxEntries } = this.#limits
    this.entries += 1
    this.bytes += size
    if (this.entries > maxEntries) {
      throw new UnsafeArchiveError(
        `the archive holds more than ${maxEntries} entries: raise maxEntries if that is right`,
        { details: { why: 'has too many entries', maxEntries } },
      )
    }
    if (this.bytes > maxBytes) {
      throw new UnsafeArchiveError(`the archive holds more than ${maxBytes} bytes: raise maxBytes if that is right`, {
        details: { why: 'has too many bytes', maxBytes },
      })
    }
  }
}

/** The links of one archive, so that no later name passes through one. */
export class LinkTable {
  readonly #links = new Set<string>()
  /** A folder that was found to be real; archives repeat it. */
  #realFolder = ''
  #nameBytes = 0

  /** @returns whether a link stands at a name, or at a folder on the way to it. */
  passesLink(segments: readonly string[]): boolean {
    if (this.#links.size === 0) return false
    if (this.#links.has(segments.join('/'))) return true
    const folder = segments.slice(0, -1).join('/')
    if (folder === '' || folder === this.#realFolder) return false
    for (let depth = 1; depth < segments.length; depth += 1) {
      if (this.#links.has(segments.slice(0, depth).join('/'))) return true
    }
    this.#realFolder = folder
    return false
  }

  /** @returns whether a link stands on the way to a name; one at the name itself would be replaced. */
  passesLinkBefore(segments: readonly string[]): boolean {
    return segments.length > 1 && this.passesLink(segments.slice(0, -1))
  }

  /** A link stands at a name from now on. @throws {UnsafeArchiveError} when all link names together are too long. */
  add(segments: readonly string[]): void {
    const name = segments.join('/')
    this.#nameBytes += name.length
    if (this.#nameBytes > MAX_LINK_NAME_BYTES)
      throw new UnsafeArchiveError(`the names of the archive's links have more than ${MAX_LINK_NAME_BYTES} characters`)
    this.#links.add(name)
    this.#realFolder = ''
  }

  /** Something else has taken the place of what stood at a name. */
  remove(segments: readonly string[]): void {
    if (this.#links.size > 0) this.#links.delete(segments.join('/'))
  }
}
