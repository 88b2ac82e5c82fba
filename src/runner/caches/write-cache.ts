import { createHash, type Hash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { posix } from 'node:path'
import type { Readable } from 'node:stream'
import { CapacityError } from '../../errors.js'
import type { ContainerSandbox } from '../../sandbox/container-sandbox.js'
import { EntryCount } from '../../sandbox/archive-rules.js'
import { repackArchive } from '../../sandbox/repack-archive.js'
import { encodeFacts, FACTS_BYTES, type CacheFacts } from './cache-file.js'
import type { CacheRequest } from './cache-request.js'

/** Files, folders and links of one cache. Each takes a block of 512 bytes at least. */
const MAX_ENTRIES = 1_000_000

/**
 * Writes what the guest's folder holds, and the facts about it, to an open file; it is on the disk when this returns.
 *
 * Each entry is judged on the way and written anew (see `repack-archive.ts`): no device, no name or link that leads out of
 * the folder, no owner, no special bit. So a cache holds nothing but what may go into a sandbox.
 *
 * @param maxBytes - the most that the file may have
 * @throws {CapacityError} when it would have more. {@link UnsafeArchiveError} for an entry that may not be kept.
 * {@link GuestFileError} for what the guest cannot read. Errors of the file system.
 */
export async function writeCache(
  sandbox: Pick<ContainerSandbox, 'fs'>,
  request: CacheRequest,
  handle: FileHandle,
  maxBytes: number,
): Promise<CacheFacts> {
  const { tenant, cache, digest, workspace, signal } = request
  const count = new EntryCount({ maxBytes: Infinity, maxEntries: MAX_ENTRIES })
  const hash = createHash('sha256')
  const receive = (stream: Readable) => writeArchive(stream, count, { handle, hash, maxBytes: maxBytes - FACTS_BYTES })
  const { consumed } = await sandbox.fs.downloadArchive(posix.join(workspace, cache.path), receive, { signal })
  const facts: CacheFacts = {
    format: 1,
    tenant,
    key: cache.key,
    path: cache.path,
    digest,
    entries: count.entries,
    bytes: count.bytes,
    archiveBytes: consumed,
    sha256: hash.digest('hex'),
    createdAt: new Date().toISOString(),
  }
  await writeWhole(handle, encodeFacts(facts))
  await handle.sync()
  return facts
}

interface Sink {
  readonly handle: FileHandle
  readonly hash: Hash
  readonly maxBytes: number
}

/** @returns the bytes of the archive. */
async function writeArchive(stream: Readable, count: EntryCount, { handle, hash, maxBytes }: Sink): Promise<number> {
  let written = 0
  for await (const chunk of repackArchive(stream, count) as AsyncIterable<Buffer>) {
    written += chunk.length
    // What an entry says about its size counts before its content has come.
    if (Math.max(written, count.bytes) > maxBytes) {
      throw new CapacityError('it is too large', { retryable: false, details: { maxBytes } })
    }
    hash.update(chunk)
    await writeWhole(handle, chunk)
  }
  return written
}

/** One write(2) can take less than it was given. */
async function writeWhole(handle: FileHandle, chunk: Buffer): Promise<void> {
  for (let offset = 0; offset < chunk.length;) {
    offset += (await handle.write(chunk, offset, chunk.length - offset)).bytesWritten
  }
}
