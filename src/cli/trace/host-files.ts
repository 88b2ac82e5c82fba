/** The files that `trace` reads and writes on this host. */
import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { access, open, rename, unlink } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { HostFileError } from '../../errors.js'
import { printable } from '../../printable.js'

/** A policy may have 10,000 patterns in each of four lists. */
const MAX_TEXT_BYTES = 64 * 1024 * 1024

/** `errno` as HostFileError wants it. */
function fileError(what: string, path: string, cause: unknown): HostFileError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'EIO'
  return new HostFileError(code, what, printable(path, 200), { cause })
}

/**
 * Reads a text file.
 * @param options - `links: false` refuses a link as the last name
 * @throws {HostFileError} when it is not there, no plain file, or larger than 64 MiB
 */
export async function readHostText(path: string, options: { readonly links?: boolean } = {}): Promise<string> {
  // Opening a named pipe would wait for a writer.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | (options.links === false ? constants.O_NOFOLLOW : 0)
  const file = await open(path, flags).catch((cause: unknown) => {
    throw fileError('cannot open', path, cause)
  })
  try {
    const facts = await file.stat()
    if (!facts.isFile()) throw new HostFileError('EINVAL', 'expected a plain file at', printable(path, 200))
    if (facts.size > MAX_TEXT_BYTES)
      throw new HostFileError('EFBIG', 'expected at most 64 MiB at', printable(path, 200))
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}

/** The text of a file, or `null` when there is none. @throws as {@link readHostText}, also for a link */
export async function readExistingText(path: string): Promise<string | null> {
  try {
    return await readHostText(path, { links: false })
  } catch (error) {
    if (error instanceof HostFileError && error.code === 'ENOENT') return null
    throw error
  }
}

/** Finds out before a long run whether its result can be written. @throws {HostFileError} */
export async function assertWritableFolder(path: string): Promise<void> {
  const folder = dirname(resolve(path))
  await access(folder, constants.W_OK | constants.X_OK).catch((cause: unknown) => {
    throw fileError('cannot write into', folder, cause)
  })
}

/**
 * Writes a file whole or not at all. Whatever has the name before, a link also, is replaced and never written through. The
 * new file is its owner's alone: it holds names from inside a sandbox.
 * @throws {HostFileError}
 */
export async function replaceHostFile(path: string, text: string): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path).slice(0, 100)}.${randomBytes(8).toString('hex')}`)
  try {
    const file = await open(temporary, 'wx', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (cause) {
    await unlink(temporary).catch(() => undefined)
    throw fileError('cannot write', path, cause)
  }
}
