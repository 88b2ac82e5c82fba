/**
 * Which entries of a guest's archive are artifacts.
 *
 * Theory of operation. The supervisor inside is sent the globs and sends what they select; but it runs where everything is
 * hostile. So each entry is judged here again, and the first that nobody asked for ends the collection. Entries must come
 * in the order in which a folder is walked: then none comes twice, none takes the place of another, and the folders on the
 * way to an entry, which are made without being sent, can be counted while nothing but the way itself is kept.
 */
import { ArtifactError } from '../../errors.js'
import type { SelectedPath } from '../../glob/index.js'
import { printable } from '../../printable.js'
import type { ArchiveEntry } from '../../sandbox/extract-archive.js'
import type { ArtifactFile } from '../build-events.js'

/** Caps of one collection. */
export interface ArtifactLimits {
  readonly maxFiles: number
  readonly maxBytes: number
  /** The longest path below the folder of the artifacts, in bytes: a longer one could be neither opened nor removed. */
  readonly maxPathBytes: number
}

/**
 * What the list of artifacts may take as JSON: it is kept in memory as a whole, and written into the record and the log of its
 * build. Some 100,000 usual paths. In bytes.
 */
const MAX_LIST_BYTES = 16 * 1024 ** 2
/** What stands around a path in that list. */
const ITEM_BYTES = 64

/** One step of the way to the last entry. */
interface Step {
  readonly name: string
  readonly isFolder: boolean
  readonly at: SelectedPath
}

/** Takes the entries of one archive one after the other. */
export class ArtifactJudge {
  readonly files: ArtifactFile[] = []
  /** Files, links and folders, also the folders on the way. */
  entries = 0
  bytes = 0
  readonly #root: SelectedPath
  readonly #limits: ArtifactLimits
  readonly #way: Step[] = []
  #listBytes = 0

  constructor(root: SelectedPath, limits: ArtifactLimits) {
    this.#root = root
    this.#limits = limits
  }

  /** @throws {ArtifactError} when the entry is none of those that were asked for, or one too many. */
  admit({ segments, type, size }: ArchiveEntry): void {
    const path = segments.join('/')
    const entered = this.#enter(segments, path, type === 'directory')
    if (this.#way.at(-1)?.at.selected !== true) refuse('which no glob selects', path)
    const pathBytes = Buffer.byteLength(path)
    if (pathBytes > this.#limits.maxPathBytes) {
      refuse(`whose path has ${pathBytes} bytes, over ${this.#limits.maxPathBytes}`, path)
    }
    this.#count(entered, size)
    if (type === 'directory' || type === 'symlink' || type === 'file') {
      this.#countPath(path)
      this.files.push({ path, type, bytes: size })
    }
  }

  /** Goes from the last entry to this one. @returns how many folders and files are new on the way */
  #enter(segments: readonly string[], path: string, isFolder: boolean): number {
    let shared = 0
    while (shared < segments.length && this.#way[shared]?.name === segments[shared]) shared += 1
    const next = segments[shared]
    const last = this.#way[shared]
    if (next === undefined || (last !== undefined && last.name > next)) refuse('out of order', path)
    if (shared > 0 && this.#way[shared - 1]?.isFolder === false) refuse('below something that is no folder', path)
    this.#way.length = shared
    for (const [depth, name] of segments.entries()) {
      if (depth < shared) continue
      const at = (this.#way.at(-1)?.at ?? this.#root).child(name)
      this.#way.push({ name, isFolder: isFolder || depth < segments.length - 1, at })
    }
    return segments.length - shared
  }

  #countPath(path: string): void {
    this.#listBytes += Buffer.byteLength(JSON.stringify(path)) + ITEM_BYTES
    if (this.#listBytes <= MAX_LIST_BYTES) return
    throw new ArtifactError(
      `the artifacts have paths of more than ${MAX_LIST_BYTES} bytes together: pack them into an archive in the build`,
      { details: { maxListBytes: MAX_LIST_BYTES } },
    )
  }

  #count(entries: number, size: number): void {
    const { maxFiles, maxBytes } = this.#limits
    this.entries += entries
    this.bytes += size
    if (this.entries > maxFiles) {
      throw new ArtifactError(
        `the artifacts are more than ${maxFiles} files, folders and links: raise artifacts.maxFiles if that is right, or take some out with '!' before a glob`,
        { details: { maxFiles } },
      )
    }
    if (this.bytes > maxBytes) {
      throw new ArtifactError(
        `the artifacts have more than ${maxBytes} bytes: raise artifacts.maxBytes if that is right, or take some out with '!' before a glob`,
        { details: { maxBytes } },
      )
    }
  }
}

function refuse(why: string, path: string): never {
  throw new ArtifactError(`the guest sent an artifact ${why}: '${printable(path, 120)}'`, { details: { why } })
}
