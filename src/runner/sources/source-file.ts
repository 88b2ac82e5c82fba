import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { HostFileError } from '../../errors.js'
import { printable } from '../../printable.js'

/** `O_NONBLOCK`, so that a FIFO does not hold the open. */
const OPEN_FILE = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY

/** @returns `null` for what is no regular file. Whoever gets a handle closes it. @throws {HostFileError} */
export async function openSourceFile(path: string): Promise<FileHandle | null> {
  let file: FileHandle | null = null
  try {
    file = await open(path, OPEN_FILE)
    if ((await file.stat()).isFile()) return file
  } catch (cause) {
    await file?.close()
    throw new HostFileError((cause as NodeJS.ErrnoException).code ?? 'EIO', 'cannot open', printable(path, 200), {
      cause,
    })
  }
  await file.close()
  return null
}
