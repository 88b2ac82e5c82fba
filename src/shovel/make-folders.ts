import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Makes a folder and its parents; one that is there is fine.
 *
 * Not `mkdir` with `recursive`: on a file system that answers ENOENT to the making of a folder, as `/proc` does, that of
 * node 20 never returns.
 */
export function makeFolders(path: string, mode = 0o777): void {
  try {
    return makeFolder(path, mode)
  } catch (error) {
    const parent = dirname(path)
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === path) throw error
    makeFolders(parent)
  }
  makeFolder(path, mode)
}

function makeFolder(path: string, mode: number): void {
  try {
    mkdirSync(path, mode)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // A file system that is read-only may say so before it looks whether the folder is there.
    if (code !== 'EEXIST' && code !== 'EROFS' && code !== 'EACCES') throw error
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) throw error
  }
}
