/** Takes the artifacts of a build from where the runner keeps them. */
import { constants, type Dirent } from 'node:fs'
import { copyFile, mkdir, readdir, readlink, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { HostFileError } from '../../errors.js'
import { printable } from '../../printable.js'

/**
 * Finds out before a build whether its artifacts can go there: nothing that is there is ever written over or through.
 * @throws {HostFileError} when it is no folder, or holds something
 */
export async function assertFreeFolder(path: string): Promise<void> {
  let names: readonly string[]
  try {
    names = await readdir(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw fileError('cannot use', path, error)
  }
  if (names.length > 0)
    throw new HostFileError('ENOTEMPTY', 'expected an empty folder, or none, for the artifacts at', printable(path))
}

/**
 * Copies a tree; links stay links. The runner has seen to it that they lead nowhere out and that there is nothing but files,
 * folders and links.
 * @param target - is made if missing, and is empty
 * @throws {HostFileError} when something is in the way or cannot be written
 */
export async function copyArtifacts(source: string, target: string): Promise<void> {
  await mkdir(target, { recursive: true }).catch((error: unknown) => {
    throw fileError('cannot make', target, error)
  })
  await copyInto(source, target)
}

async function copyInto(source: string, target: string): Promise<void> {
  const entries = await readdir(source, { withFileTypes: true }).catch((error: unknown) => {
    throw fileError('cannot read', source, error)
  })
  for (const entry of entries) {
    const to = join(target, entry.name)
    try {
      await copyEntry(entry, join(source, entry.name), to)
    } catch (error) {
      throw error instanceof HostFileError ? error : fileError('cannot write', to, error)
    }
  }
}

async function copyEntry(entry: Dirent, from: string, to: string): Promise<void> {
  if (entry.isSymbolicLink()) return symlink(await readlink(from), to)
  if (entry.isDirectory()) {
    await mkdir(to)
    return copyInto(from, to)
  }
  // Shares the blocks where the file system can.
  await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
}

function fileError(what: string, path: string, cause: unknown): HostFileError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'EIO'
  return new HostFileError(code, what, printable(path, 200), { cause })
}
