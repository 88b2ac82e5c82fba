/**
 * One cache in one file: a tar archive, and behind it a block of facts about it.
 *
 * Theory of operation. Archive and facts are one file so that one rename(2) makes them appear and one unlink(2) removes
 * them: at no point of a crash does one lie there without the other. tar(1) reads the file as it is, and `tail -c 8192`
 * shows the facts. Whoever has the file open keeps what it held, also when it is evicted or replaced meanwhile.
 */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { z } from 'zod'

/** The size of the block of facts: an escaped path of 1,024 bytes and all else fit. */
export const FACTS_BYTES = 8192

const READ_BYTES = 1024 * 1024

const count = z.number().int().nonnegative()
const digest = z.string().regex(/^[0-9a-f]{64}$/)

const factsSchema = z.strictObject({
  format: z.literal(1),
  tenant: z.string(),
  key: z.string(),
  path: z.string(),
  digest,
  /** Files, folders and links. */
  entries: count,
  /** Content of the files. */
  bytes: count,
  archiveBytes: count,
  /** Of the archive. */
  sha256: digest,
  createdAt: z.iso.datetime(),
})

/** What is known of a cache besides its content. */
export type CacheFacts = Readonly<z.output<typeof factsSchema>>

/** An open cache. */
export interface OpenCache {
  readonly handle: FileHandle
  readonly facts: CacheFacts
  readonly inode: number
  readonly lastUsedMs: number
}

/** @throws {RangeError} when the facts do not fit, which the lengths of names rule out. */
export function encodeFacts(facts: CacheFacts): Buffer {
  const text = Buffer.from(JSON.stringify(facts))
  if (text.length >= FACTS_BYTES) throw new RangeError(`facts of ${text.length} bytes`)
  return Buffer.concat([text, Buffer.alloc(FACTS_BYTES - text.length - 1, ' '), Buffer.from('\n')])
}

/**
 * Opens a cache for reading; no link is followed.
 * @returns `null` when there is none. `damaged` when what is there is not as it was written; its content is not looked at.
 * @throws errors of the file system
 */
export async function openCache(path: string): Promise<OpenCache | 'damaged' | null> {
  let handle
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return null
    if (code === 'ELOOP') return 'damaged'
    throw error
  }
  try {
    const stats = await handle.stat()
    const facts = stats.isFile() ? await readFacts(handle, stats.size) : null
    if (facts !== null) return { handle, facts, inode: stats.ino, lastUsedMs: stats.mtimeMs }
    await handle.close()
    return 'damaged'
  } catch (error) {
    await handle.close()
    throw error
  }
}

async function readFacts(handle: FileHandle, size: number): Promise<CacheFacts | null> {
  const archiveBytes = size - FACTS_BYTES
  if (archiveBytes < 0) return null
  const block = Buffer.alloc(FACTS_BYTES)
  const { bytesRead } = await handle.read(block, 0, FACTS_BYTES, archiveBytes)
  if (bytesRead !== FACTS_BYTES) return null
  try {
    const { data } = factsSchema.safeParse(JSON.parse(block.toString()))
    return data?.archiveBytes === archiveBytes ? data : null
  } catch {
    return null
  }
}

/** Whether the archive is the one that was written. Reads all of it. @throws errors of the file system, or of the signal */
export async function isIntact({ handle, facts }: OpenCache, signal: AbortSignal): Promise<boolean> {
  const hash = createHash('sha256')
  const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, Math.max(facts.archiveBytes, 1)))
  for (let at = 0; at < facts.archiveBytes;) {
    signal.throwIfAborted()
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, facts.archiveBytes - at), at)
    if (bytesRead === 0) return false
    hash.update(buffer.subarray(0, bytesRead))
    at += bytesRead
  }
  return hash.digest('hex') === facts.sha256
}
