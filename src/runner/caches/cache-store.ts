/**
 * Folders that the next build of the same tenant begins with.
 *
 * Theory of operation. A cache lies on the host as one archive that the guest never sees: it gets a copy of what is in it,
 * and hands over a new one that is judged entry by entry. Which cache a build gets follows from its tenant, which the
 * caller names, and from the contents of files, which the guest can choose: so a guest chooses among its tenant's own caches
 * and no others. What was written is compared with its digest before the first byte goes in.
 */
import { createReadStream } from 'node:fs'
import { posix } from 'node:path'
import { CapacityError, GuestFileError, HostFileError, SandboxError, UnsafeArchiveError } from '../../errors.js'
import type { ResolvedRunnerOptions } from '../../options/index.js'
import { printable } from '../../printable.js'
import { abortable } from '../../sandbox/abortable.js'
import type { ContainerSandbox } from '../../sandbox/container-sandbox.js'
import { count } from '../../telemetry/index.js'
import { cacheFile } from './cache-address.js'
import type { CacheFacts, OpenCache } from './cache-file.js'
import { CacheFolder, type Removed } from './cache-folder.js'
import type { CacheRequest, RestoredCache, SavedCache } from './cache-request.js'
import { digestContents } from './content-digest.js'
import { CacheFinder } from './find-cache.js'
import { findGuestFolder } from './guest-folder.js'
import { writeCache } from './write-cache.js'

const READ_BYTES = 256 * 1024

type Guest = Pick<ContainerSandbox, 'fs'>

/** The caches of all tenants in one folder of the host. One living store per folder. */
export class CacheStore {
  readonly #folder: CacheFolder
  readonly #finder: CacheFinder
  readonly #limits: ResolvedRunnerOptions['cacheStore']

  /** @param folder - absolute; made with mode 0700 when the first cache is saved. */
  constructor(folder: string, limits: ResolvedRunnerOptions['cacheStore']) {
    this.#folder = new CacheFolder(folder, limits)
    this.#finder = new CacheFinder(this.#folder, limits.maxAgeMs)
    this.#limits = limits
  }

  /**
   * A digest over what files of the guest hold. A file that is missing counts as missing.
   * @throws {CapacityError} for a file over 64 MiB. {@link GuestFileError} for what is no file that the guest can read.
   */
  digest(guest: Guest, workspace: string, files: readonly string[], signal: AbortSignal): Promise<string> {
    return digestContents(guest, workspace, files, signal)
  }

  /**
   * Copies a cache into the guest's folder, which is made if missing: the one of these contents, else with `fallback` the
   * newest of the same tenant, key and path. What is damaged is removed and counts as none. In a folder that holds
   * something what the cache has replaces what has the same name.
   *
   * What cannot be restored is none, with a reason, as long as the folder can be left as it was.
   * @throws {GuestFileError} when a folder that held something could be restored only in part. The signal's reason, and
   * what the end of the sandbox throws.
   */
  async restore(guest: Guest, request: CacheRequest): Promise<RestoredCache> {
    const result = await this.#restore(guest, request)
    count('container_sandbox.cache.lookups', 1, { result: result.restored })
    count('container_sandbox.build.bytes', result.bytes, { kind: 'cache_restored' })
    return result
  }

  /**
   * Keeps what the guest's folder holds for the next build of the tenant. Whatever keeps it from being saved fails nothing:
   * `reason` tells it. What is in the way of the caps goes, least recently used first.
   * @throws the signal's reason, and what the end of the sandbox throws.
   */
  async save(guest: Guest, request: CacheRequest): Promise<SavedCache> {
    try {
      const reason = await this.#whyNot(guest, request)
      if (reason !== null) return { saved: false, bytes: 0, reason }
      const { bytes } = await this.#save(guest, request)
      count('container_sandbox.build.bytes', bytes, { kind: 'cache_saved' })
      return { saved: true, bytes, reason: null }
    } catch (error) {
      return { saved: false, bytes: 0, reason: reasonOf(error, this.#maxEntryBytes) }
    }
  }

  /** Removes caches that were not used for too long or are too many, and what a dead runner left half written. */
  sweep(): Promise<Removed> {
    return this.#folder.sweep()
  }

  get #maxEntryBytes(): number {
    return Math.min(this.#limits.maxEntryBytes, this.#limits.maxBytesPerTenant, this.#limits.maxBytes)
  }

  async #restore(guest: Guest, request: CacheRequest): Promise<RestoredCache> {
    const { cache, workspace, signal } = request
    const none = (reason: string | null): RestoredCache => ({ restored: 'none', bytes: 0, entries: 0, reason })
    const place = await findGuestFolder(guest, workspace, cache.path, signal)
    if (place.state === 'blocked') return none(place.reason)
    const found = await this.#finder.find(request).catch((error: unknown) => reasonOf(error, 0))
    if (found === null || typeof found === 'string') return none(found)
    const target = posix.join(workspace, cache.path)
    // Only the order in which caches go depends on it.
    await found.cache.handle.utimes(new Date(), new Date()).catch(() => undefined)
    try {
      await send(guest, found.cache, target, signal)
      const { bytes, entries } = found.cache.facts
      return { restored: found.fit, bytes, entries, reason: null }
    } catch (error) {
      const reason = reasonOf(error, 0)
      if (place.state === 'folder') throw error
      await abortable(signal, guest.fs.rm(target, { recursive: true, force: true }))
      return none(reason)
    } finally {
      await found.cache.handle.close()
    }
  }

  async #whyNot(guest: Guest, request: CacheRequest): Promise<string | null> {
    const { cache, workspace, signal } = request
    if (this.#maxEntryBytes === 0) return 'the store takes no caches'
    if (await this.#finder.has(request)) return 'another build saved it meanwhile'
    const { state, reason } = await findGuestFolder(guest, workspace, cache.path, signal)
    return state === 'missing' ? `there is no folder '${printable(cache.path, 120)}'` : reason
  }

  async #save(guest: Guest, request: CacheRequest): Promise<CacheFacts> {
    const { tenant, cache, digest } = request
    const name = { tenant, key: cache.key, path: cache.path }
    const file = cacheFile(name, digest)
    const partial = await this.#folder.createPartial()
    try {
      const facts = await writeCache(guest, request, partial.handle, this.#maxEntryBytes)
      await this.#folder.publish(partial, name, file)
      return facts
    } finally {
      await partial.handle.close()
      await this.#folder.discard(partial)
    }
  }
}

/** Copies the archive into the guest; neither the file nor a descriptor of it goes in. Closes the descriptor. */
async function send(guest: Guest, { handle, facts }: OpenCache, target: string, signal: AbortSignal): Promise<void> {
  const range = { start: 0, end: facts.archiveBytes - 1, highWaterMark: READ_BYTES }
  const archive = createReadStream('', { fd: handle, autoClose: false, ...range })
  await guest.fs.uploadPacked(archive, target, signal)
}

/** What a build is told of a failure that it can do without. @throws the error itself when it is none of these */
function reasonOf(error: unknown, maxBytes: number): string {
  if (error instanceof CapacityError && error.details['maxBytes'] !== undefined) {
    return `it has more than ${maxBytes} bytes, the most for one cache`
  }
  if (error instanceof UnsafeArchiveError || error instanceof GuestFileError) return error.message
  if (error instanceof HostFileError) return error.message
  const { code, syscall } = error as NodeJS.ErrnoException
  if (error instanceof SandboxError || code === undefined || syscall === undefined) throw error
  return `${code}: ${syscall} in the store of caches`
}
