import { randomBytes } from 'node:crypto'
import { link, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/** What temporary files end with; one is left only by a process that died while it wrote. */
export const TEMPORARY_SUFFIX = '.tmp'

/**
 * Replaces a file as a whole: a reader, and whoever comes after a crash or a power loss, sees the old content or the new one.
 * Order: temporary file, fsync, rename, fsync of the folder (rename(2), fsync(2)).
 */
export async function replaceFile(path: string, text: string, options: { readonly durable: boolean }): Promise<void> {
  const temporary = await writeTemporary(path, text, options.durable)
  try {
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  if (options.durable) await syncFolder(dirname(path))
}

/**
 * Makes a file with its whole content, unless it is there.
 *
 * @returns `false` when it is there; it is then unchanged
 */
export async function createFile(path: string, text: string): Promise<boolean> {
  const temporary = await writeTemporary(path, text, false)
  try {
    await link(temporary, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    await rm(temporary, { force: true })
  }
}

async function writeTemporary(path: string, text: string, durable: boolean): Promise<string> {
  const temporary = `${path}.${process.pid}-${randomBytes(6).toString('hex')}${TEMPORARY_SUFFIX}`
  const file = await open(temporary, 'wx', 0o600)
  try {
    await file.writeFile(text)
    if (durable) await file.sync()
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  } finally {
    await file.close()
  }
  return temporary
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
