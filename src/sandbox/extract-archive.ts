/**
 * Writes an archive that the guest sent below a folder of the host.
 *
 * Theory of operation. The archive is hostile: names may be absolute, climb with `..`, or pass through a link that an
 * earlier entry, an earlier download or another process put there. So names are checked as text first, and then every
 * folder on the way is opened one by one, relative to the folder before it, refusing links (`O_NOFOLLOW` through
 * `/proc/self/fd`, which is what Node offers in place of openat(2)). A file is written under a fresh name beside its
 * target, created exclusively, and renamed into place, so that neither a link nor a FIFO at the target is ever opened.
 * Owners, special bits, extended attributes and times are not taken over. Caps bound what a lying archive can cost.
 */
import { constants, fchmodSync } from 'node:fs'
import { mkdir, open, rename, rm, symlink, type FileHandle } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import type { Readable } from 'node:stream'
import { HostFileError, SandboxError, UnsafeArchiveError } from '../errors.js'
import { printable } from '../printable.js'
import { EntryCount, entrySegments, insideLink, refuseEntry } from './archive-rules.js'
import { openHostFolder } from './host-folder.js'
import { readArchive, type ReadEntry } from './read-archive.js'
import { GuestResetError } from './streams.js'

/** The most that is taken from a guest: bytes of content, and entries. */
export interface ExtractLimits {
  /** The most bytes of file content; default 4 GiB. */
  readonly maxBytes?: number
  /** The most entries; default 200,000. */
  readonly maxEntries?: number
}

const DEFAULT_MAX_BYTES = 4 * 1024 ** 3
const DEFAULT_MAX_ENTRIES = 200_000

/** Begins the messages about what was refused. */
const ORIGIN = 'the guest sent'

const FOLDER_FLAGS = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW
const FILE_FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW

/** One entry before it is written. */
export interface ArchiveEntry {
  /** Of its name; none for the root. */
  readonly segments: readonly string[]
  /** `file`, `directory`, `symlink`, or what is going to be refused. */
  readonly type: string
  /** Bytes of content. */
  readonly size: number
}

/**
 * @param target - made if missing; a link at `target` itself is the caller's and is followed.
 * @param admit - called with each entry before anything of it is written; what it throws ends the extraction
 * @throws {UnsafeArchiveError} on the first entry that may not be written. What was written before it stays.
 * {@link HostFileError} when the host cannot write.
 */
export async function extractArchive(
  archive: Readable,
  target: string,
  limits: ExtractLimits = {},
  admit: (entry: ArchiveEntry) => void = () => undefined,
): Promise<{ entries: number; bytes: number }> {
  try {
    return await extractInto(archive, target, limits, admit)
  } catch (error) {
    throw typed(error, archive, target)
  }
}

/** Errors of the archive's own stream pass as they are; those of the file system and of the parser become typed. */
function typed(error: unknown, archive: Readable, target: string): unknown {
  if (error instanceof SandboxError || error instanceof GuestResetError || error === archive.errored) return error
  const { code, message } = error as NodeJS.ErrnoException
  if (code !== undefined && /^E[A-Z0-9]+$/.test(code)) {
    return new HostFileError(code, 'cannot write below', printable(target, 200), { cause: error })
  }
  return new UnsafeArchiveError(`the guest sent something that is no archive: ${message}`, { cause: error })
}

async function extractInto(
  archive: Readable,
  target: string,
  limits: ExtractLimits,
  admit: (entry: ArchiveEntry) => void,
): Promise<{ entries: number; bytes: number }> {
  const { maxBytes = DEFAULT_MAX_BYTES, maxEntries = DEFAULT_MAX_ENTRIES } = limits
  // Before the first wait: the sandbox can end at any time, and an error that nobody hears ends the host process.
  archive.on('error', () => undefined)
  const root = await openHostFolder(target)
  const folders = new FolderCache(root)
  const count = new EntryCount({ maxBytes, maxEntries })
  try {
    for await (const entry of readArchive(archive, count)) {
      const { name, type, size } = entry
      const segments = entrySegments(ORIGIN, name)
      count.add(size)
      admit({ segments, type, size })
      if (segments.length > 0) await writeEntry(folders, segments, entry)
    }
    return { entries: count.entries, bytes: count.bytes }
  } finally {
    archive.destroy()
    await folders.close()
    await root.close()
  }
}

async function writeEntry(folders: FolderCache, segments: readonly string[], entry: ReadEntry): Promise<void> {
  const mode = entry.mode & 0o777
  if (entry.type === 'directory') {
    const folder = await folders.open(segments)
    await folder.chmod(mode | 0o700)
    return
  }
  const parent = await folders.open(segments.slice(0, -1))
  const name = segments.at(-1) ?? ''
  const at = (child: string): string => `/proc/self/fd/${parent.fd}/${child}`
  const fresh = `.${randomBytes(9).toString('base64url')}.partial`
  try {
    if (entry.isSparse) refuseEntry(ORIGIN, 'is a sparse file', segments.join('/'))
    if (entry.type === 'file') {
      const file = await open(at(fresh), FILE_FLAGS, mode)
      try {
        for await (const chunk of entry.content) await writeWhole(file, chunk)
        // The mode of open(2) is cut by the umask of this process.
        fchmodSync(file.fd, mode)
      } finally {
        await file.close()
      }
    } else if (entry.type === 'symlink') await symlink(insideLink(ORIGIN, segments, entry.linkname), at(fresh))
    else {
      throw new UnsafeArchiveError(
        `the guest sent a ${entry.type}: '${printable(segments.join('/'), 120)}'; only files, folders and links that stay inside are taken`,
      )
    }
    await rename(at(fresh), at(name))
  } catch (error) {
    await rm(at(fresh), { force: true })
    throw error
  }
}

/** One write(2) can take less than it was given. */
async function writeWhole(file: FileHandle, chunk: Buffer): Promise<void> {
  for (let offset = 0; offset < chunk.length;) {
    offset += (await file.write(chunk, offset, chunk.length - offset)).bytesWritten
  }
}

/** Folders below the root, each opened relative to its parent. Keeps the chain of the last name, which archives repeat. */
class FolderCache {
  readonly #root: FileHandle
  #chain: { readonly name: string; readonly handle: FileHandle }[] = []

  constructor(root: FileHandle) {
    this.#root = root
  }

  async open(segments: readonly string[]): Promise<FileHandle> {
    let shared = 0
    while (shared < segments.length && shared < this.#chain.length && this.#chain[shared]?.name === segments[shared])
      shared += 1
    for (const { handle } of this.#chain.splice(shared)) await handle.close()
    for (const name of segments.slice(shared)) {
      const parent = this.#chain.at(-1)?.handle ?? this.#root
      this.#chain.push({ name, handle: await openFolder(parent, name) })
    }
    return this.#chain.at(-1)?.handle ?? this.#root
  }

  async close(): Promise<void> {
    for (const { handle } of this.#chain.splice(0)) await handle.close()
  }
}

async function openFolder(parent: FileHandle, name: string): Promise<FileHandle> {
  const path = `/proc/self/fd/${parent.fd}/${name}`
  await mkdir(path, 0o755).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  })
  try {
    return await open(path, FOLDER_FLAGS)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ELOOP' && code !== 'ENOTDIR') throw error
    throw new UnsafeArchiveError(
      `the guest sent an entry that passes through something that is not a folder: '${printable(name, 120)}'`,
      { cause: error },
    )
  }
}
