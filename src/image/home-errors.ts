/** What is said when a home cannot be packed. */
import { HomeError } from '../errors.js'
import { IGNORE_FILE } from './home-ignore.js'
import { printable } from '../printable.js'

/** An entry that may not go into an image, and why. */
export interface RefusedFile {
  readonly path: Buffer
  readonly reason: string
}

/** So many offenders are named; the others are counted. */
const NAMED_FILES = 5

/** Entries that an image may not hold; the first five are named. */
export function refusedFiles(home: string, files: readonly RefusedFile[]): HomeError {
  const named = files.slice(0, NAMED_FILES).map(({ path, reason }) => `${printable(path)} (${reason})`)
  const others = files.length > named.length ? ` and ${files.length - named.length} more` : ''
  return new HomeError(
    `The home ${printable(home)} holds ${files.length === 1 ? 'an entry' : `${files.length} entries`} that an image may not ` +
      `hold: ${named.join(', ')}${others}. Remove them or list them in ${IGNORE_FILE}.`,
    { details: { home, count: files.length, paths: files.slice(0, NAMED_FILES).map(({ path }) => printable(path)) } },
  )
}

/** @param allowed - the limit that was passed, in entries or bytes */
export function tooLarge(home: string, what: 'entries' | 'bytes', allowed: number): HomeError {
  return new HomeError(
    `The home ${printable(home)} has more than ${allowed} ${what}, which is the most that is packed. ` +
      `List what the sandbox does not need in ${IGNORE_FILE}, or mount it.`,
    { details: { home, what, allowed } },
  )
}

/** A file that was not the same when it was read a second time. Retryable. */
export function changedMeanwhile(home: string, path: Buffer, cause?: unknown): HomeError {
  return new HomeError(
    `${printable(path)} in the home ${printable(home)} changed while the home was read. Try again when nothing writes to it.`,
    { details: { home, path: printable(path) }, retryable: true, cause },
  )
}

/** An error of the file system as one that names the home and the file in it; others stay as they are. */
export function fileError(home: string, path: Buffer, error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException).code
  if (error instanceof HomeError || code === undefined) return error
  const shownHome = printable(home)
  const details = { home, path: printable(path), errno: code }
  if (path.length === 0) {
    const why: Record<string, string> = {
      ENOENT: 'does not exist',
      ENOTDIR: 'is not a folder',
      EACCES: 'cannot be read',
    }
    return new HomeError(`The home ${shownHome} ${why[code] ?? `cannot be opened (${code})`}.`, {
      details,
      cause: error,
    })
  }
  if (code === 'EFBIG') {
    return new HomeError(`${printable(path)} in the home ${shownHome} is ${(error as Error).message}.`, { details })
  }
  if (['ENOENT', 'ENOTDIR', 'ELOOP', 'EINVAL'].includes(code)) return changedMeanwhile(home, path, error)
  return new HomeError(
    `${printable(path)} in the home ${shownHome} cannot be read (${code}). Change its permissions or list it in ${IGNORE_FILE}.`,
    { details, cause: error },
  )
}
