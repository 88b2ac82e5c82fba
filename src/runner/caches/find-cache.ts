import { cacheFile } from './cache-address.js'
import { isIntact, openCache, type OpenCache } from './cache-file.js'
import type { CacheFolder } from './cache-folder.js'
import type { CacheRequest } from './cache-request.js'

/** A cache that is open, and how well it fits. */
export interface FoundCache {
  readonly fit: 'exact' | 'fallback'
  readonly cache: OpenCache
}

/** Finds the cache that fits best. What is damaged or too old is removed on the way and counts as none. */
export class CacheFinder {
  readonly #folder: CacheFolder
  readonly #maxAgeMs: number

  constructor(folder: CacheFolder, maxAgeMs: number) {
    this.#folder = folder
    this.#maxAgeMs = maxAgeMs
  }

  /**
   * @returns the one of these contents, else with `fallback` the newest of the same name; every byte of it was compared with
   * what was written. Whoever gets it closes it.
   * @throws errors of the file system, or of the signal
   */
  async find(request: CacheRequest): Promise<FoundCache | null> {
    const exact = await this.#open(request, request.digest)
    if (exact !== null && (await this.#isIntact(request, exact))) return { fit: 'exact', cache: exact }
    if (!request.cache.fallback) return null
    for (const digest of await this.#newestFirst(request)) {
      const cache = await this.#open(request, digest)
      if (cache !== null && (await this.#isIntact(request, cache))) return { fit: 'fallback', cache }
    }
    return null
  }

  /** Whether there is one of exactly these contents; its archive is not read. */
  async has(request: CacheRequest): Promise<boolean> {
    const cache = await this.#open(request, request.digest)
    await cache?.handle.close()
    return cache !== null
  }

  async #newestFirst(request: CacheRequest): Promise<readonly string[]> {
    const found: { readonly digest: string; readonly createdAt: string }[] = []
    for (const digest of await this.#folder.digests(nameOf(request))) {
      const cache = await this.#open(request, digest)
      if (cache === null) continue
      found.push({ digest, createdAt: cache.facts.createdAt })
      await cache.handle.close()
    }
    // Times of one form and one zone sort as texts.
    return found.sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1)).map(({ digest }) => digest)
  }

  async #open(request: CacheRequest, digest: string): Promise<OpenCache | null> {
    const file = cacheFile(nameOf(request), digest)
    const cache = await openCache(this.#folder.at(file))
    if (cache === null) return null
    if (cache === 'damaged') {
      await this.#folder.remove(file, null)
      return null
    }
    const isOld = Date.now() - cache.lastUsedMs > this.#maxAgeMs
    if (!isOld && belongsTo(request, digest, cache)) return cache
    await cache.handle.close()
    await this.#folder.remove(file, cache.inode)
    return null
  }

  /** Closes and removes what is not intact. */
  async #isIntact(request: CacheRequest, cache: OpenCache): Promise<boolean> {
    try {
      if (await isIntact(cache, request.signal)) return true
    } catch (error) {
      await cache.handle.close()
      throw error
    }
    await cache.handle.close()
    await this.#folder.remove(cacheFile(nameOf(request), cache.facts.digest), cache.inode)
    return false
  }
}

function nameOf({ tenant, cache: { key, path } }: CacheRequest) {
  return { tenant, key, path }
}

/** The place of a file follows from these; one that was moved or copied by hand is not taken for another's. */
function belongsTo({ tenant, cache: { key, path } }: CacheRequest, digest: string, { facts }: OpenCache): boolean {
  return facts.tenant === tenant && facts.key === key && facts.path === path && facts.digest === digest
}
