/**
 * The `fs.*` methods that work on one file or folder.
 *
 * Paths are the guest's own: the kernel keeps the shovel, which has the guest's uid, to what the guest may touch. What
 * these methods guard against is waiting: a FIFO or a device in place of a file is refused and never blocks.
 */
import { constants, type Stats } from 'node:fs'
import { lstat, mkdir, open, opendir, rm, stat, type FileHandle } from 'node:fs/promises'
import { errnoError } from './control-error.js'
import { makeFolders } from './make-folders.js'
import type { ReceivedStream } from './received-stream.js'
import type { SentStream } from './sent-stream.js'

/** More entries than this are refused, so that a folder of millions becomes no message and no memory. */
const MAX_FOLDER_ENTRIES = 100_000

const READ_BYTES = 256 * 1024

/** IOV_MAX (limits.h). */
const MAX_VECTORS = 1024

/** What a path is. */
export type FileType = 'file' | 'directory' | 'symlink' | 'fifo' | 'socket' | 'device'

/** `fs.stat`. */
export async function statFile({ path, followLinks }: { path: string; followLinks: boolean }) {
  const stats = await (followLinks ? stat(path) : lstat(path))
  const { size, mode, uid, gid, nlink, ino, mtimeMs, atimeMs, ctimeMs, birthtimeMs } = stats
  return { type: fileType(stats), size, mode, uid, gid, nlink, ino, mtimeMs, atimeMs, ctimeMs, birthtimeMs }
}

/** `fs.readdir`: the entries in the order of their names. */
export async function readFolder({ path }: { path: string }) {
  const entries: { name: string; type: FileType }[] = []
  for await (const entry of await opendir(path, { bufferSize: 1024 })) {
    if (entries.length === MAX_FOLDER_ENTRIES) throw errnoError('E2BIG', 'scandir', 'too many entries')
    entries.push({ name: entry.name, type: fileType(entry) })
  }
  return { entries: entries.sort((a, b) => (a.name < b.name ? -1 : 1)) }
}

/** `fs.mkdir`. */
export async function makeFolder(params: { path: string; recursive: boolean; mode?: number | undefined }) {
  const { path, recursive, mode } = params
  if (recursive) makeFolders(path, mode)
  else await mkdir(path, mode ?? 0o777)
  return {}
}

/** `fs.rm`. */
export async function removeFile({ path, recursive, force }: { path: string; recursive: boolean; force: boolean }) {
  await rm(path, { recursive, force })
  return {}
}

/** `fs.readFile`: sends the file down a stream, and answers with its size when all of it is queued. */
export async function readFile(sent: SentStream, { path }: { path: string }) {
  try {
    const size = await withRegularFile(path, constants.O_RDONLY, 0, (file) => sendFile(file, sent))
    sent.end()
    return { size }
  } catch (error) {
    sent.fail()
    throw error
  }
}

/** `fs.writeFile`: takes the file from a stream, and answers when all of it is written. */
export async function writeFile(
  received: ReceivedStream,
  params: { path: string; mode?: number | undefined; append?: boolean | undefined },
) {
  const { path, mode, append } = params
  const flags = constants.O_WRONLY | constants.O_CREAT | (append === true ? constants.O_APPEND : constants.O_TRUNC)
  try {
    await withRegularFile(path, flags, mode ?? 0o666, async (file) => {
      for await (const batch of received.batches()) await writeWhole(file, batch)
    })
    return {}
  } catch (error) {
    received.cancel()
    throw error
  }
}

/** The type of a file, from its stats or its folder entry. */
export function fileType(
  entry: Pick<Stats, 'isFile' | 'isDirectory' | 'isSymbolicLink' | 'isFIFO' | 'isSocket'>,
): FileType {
  if (entry.isFile()) return 'file'
  if (entry.isDirectory()) return 'directory'
  if (entry.isSymbolicLink()) return 'symlink'
  if (entry.isFIFO()) return 'fifo'
  return entry.isSocket() ? 'socket' : 'device'
}

async function withRegularFile<T>(path: string, flags: number, mode: number, use: (file: FileHandle) => Promise<T>) {
  const file = await open(path, flags | constants.O_NONBLOCK | constants.O_NOCTTY, mode)
  try {
    const stats = await file.stat()
    if (stats.isDirectory()) throw errnoError('EISDIR', 'open', 'it is a directory')
    if (!stats.isFile()) throw errnoError('EINVAL', 'open', 'it is no regular file')
    return await use(file)
  } finally {
    await file.close()
  }
}

async function sendFile(file: FileHandle, sent: SentStream): Promise<number> {
  for (let size = 0; ;) {
    await sent.ready()
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafeSlow(READ_BYTES), 0, READ_BYTES)
    if (bytesRead === 0) return size
    size += bytesRead
    // A short read is copied: its buffer would otherwise be kept whole in the queue.
    sent.push(bytesRead < READ_BYTES / 4 ? Buffer.from(buffer.subarray(0, bytesRead)) : buffer.subarray(0, bytesRead))
  }
}

async function writeWhole(file: FileHandle, batch: readonly Buffer[]): Promise<void> {
  let rest = batch
  while (rest.length > 0) {
    const { bytesWritten } = await file.writev(rest.slice(0, MAX_VECTORS))
    rest = dropBytes(rest, bytesWritten)
  }
}

/** @returns the chunks without their first bytes, after a write that took only these. */
function dropBytes(chunks: readonly Buffer[], bytes: number): readonly Buffer[] {
  let index = 0
  let left = bytes
  for (; index < chunks.length && left >= (chunks[index] as Buffer).length; index += 1) {
    left -= (chunks[index] as Buffer).length
  }
  if (left === 0) return chunks.slice(index)
  return [(chunks[index] as Buffer).subarray(left), ...chunks.slice(index + 1)]
}
