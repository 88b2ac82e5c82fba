/** One opened folder of a home. Its children are reached through its descriptor, never by a path from above. */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  opendirSync,
  readFileSync,
  type BigIntStats,
} from 'node:fs'

/** An opened folder of a home. What is below is reached through its descriptor, so a swapped path leads nowhere else. */
export interface HomeFolder {
  readonly descriptor: number
  /** Relative to the home. */
  readonly path: Buffer
  /** The names in it, sorted by their bytes. */
  readonly names: readonly Buffer[]
  /** Where the walk is. */
  next: number
}

/** Thrown as the file system's own errors are: the folder is not the one that was looked at. */
class ExchangedError extends Error {
  readonly code = 'ENOENT'
}

/** Thrown when a folder has more names than `maxNames`. */
export class TooManyNamesError extends Error {}

/**
 * @param from Where to open it.
 * @param expected What it was when it was looked at; `null` for the home itself, which may be reached through links.
 * @throws errors of the file system, and {@link TooManyNamesError}.
 */
export function openFolder(from: Buffer, path: Buffer, expected: BigIntStats | null, maxNames: number): HomeFolder {
  const flags = constants.O_RDONLY | constants.O_DIRECTORY | (expected === null ? 0 : constants.O_NOFOLLOW)
  const descriptor = openSync(from, flags)
  try {
    if (expected !== null) {
      const now = fstatSync(descriptor, { bigint: true })
      if (now.ino !== expected.ino || now.dev !== expected.dev) throw new ExchangedError('exchanged')
    }
    return { descriptor, path, names: readNames(descriptor, maxNames), next: 0 }
  } catch (error) {
    closeSync(descriptor)
    throw error
  }
}

/** The path by which a child of an opened folder is reached: what `openat` does for programs that have it. */
export function childPath(folder: HomeFolder, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`/proc/self/fd/${folder.descriptor}/`), name])
}

/**
 * @returns the text of a regular file in the folder, or `null` when there is none of that name.
 * @throws errors of the file system; `code` is `EFBIG` when it is larger than `maxBytes` or no regular file.
 */
export function readChildText(folder: HomeFolder, name: string, maxBytes: number): string | null {
  const file = childPath(folder, Buffer.from(name))
  if (lstatSync(file, { throwIfNoEntry: false }) === undefined) return null
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const stat = fstatSync(descriptor)
    if (!stat.isFile() || stat.size > maxBytes) {
      throw Object.assign(new Error(`not a regular file of at most ${maxBytes} bytes`), { code: 'EFBIG' })
    }
    return readFileSync(descriptor, 'utf8')
  } finally {
    closeSync(descriptor)
  }
}

function readNames(descriptor: number, maxNames: number): Buffer[] {
  const names: Buffer[] = []
  // The types leave out that `encoding: 'buffer'` gives names as buffers.
  const directory = opendirSync(`/proc/self/fd/${descriptor}`, {
    encoding: 'buffer' as BufferEncoding,
    bufferSize: 256,
  })
  try {
    for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
      names.push(entry.name as unknown as Buffer)
      if (names.length > maxNames) throw new TooManyNamesError(`more than ${maxNames} names`)
    }
  } finally {
    directory.closeSync()
  }
  return names.sort((a, b) => Buffer.compare(a, b))
}
