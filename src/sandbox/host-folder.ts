import { constants } from 'node:fs'
import { mkdir, open, stat, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Opens a folder of the host, which is made with its parents if missing.
 *
 * Not by `mkdir` with `recursive`: on a file system that answers ENOENT to the making of a folder, as `/proc` does, that
 * of node 20 never returns.
 * @throws errors of the file system.
 */
export async function openHostFolder(path: string): Promise<FileHandle> {
  await makeFolders(path)
  return open(path, constants.O_RDONLY | constants.O_DIRECTORY)
}

async function makeFolders(path: string): Promise<void> {
  try {
    return await makeFolder(path)
  } catch (error) {
    const parent = dirname(path)
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === path) throw error
    await makeFolders(parent)
  }
  await makeFolder(path)
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path)
  } catch (error) {
    // Whatever keeps it from being made does not matter when it is there.
    if (!(await stat(path).catch(() => null))?.isDirectory()) throw error
  }
}
