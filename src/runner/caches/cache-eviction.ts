/** Which caches go when there is no room for all. */

/** A cache as its file shows it. */
export interface StoredCache {
  readonly file: string
  /** Of the parent tenant, who has one share with all tenants below it. */
  readonly group: string
  /** Of the file. */
  readonly sizeBytes: number
  readonly lastUsedMs: number
}

/** Caps of the store. */
export interface StoreLimits {
  readonly maxBytes: number
  readonly maxBytesPerTenant: number
  readonly maxAgeMs: number
}

/** What is about to come, and what it replaces. */
export interface IncomingCache {
  readonly file: string
  readonly group: string
  readonly sizeBytes: number
}

/**
 * @returns those that go: what was not used for too long, and then what was used longest ago, until each group and all
 * together are within their caps with `incoming` counted.
 */
export function planEviction(
  caches: readonly StoredCache[],
  limits: StoreLimits,
  nowMs: number,
  incoming: IncomingCache | null = null,
): readonly StoredCache[] {
  const staying = new Set(caches.filter(({ file }) => file !== incoming?.file))
  const going: StoredCache[] = []
  const evict = (cache: StoredCache): void => {
    if (staying.delete(cache)) going.push(cache)
  }
  for (const cache of staying) if (nowMs - cache.lastUsedMs > limits.maxAgeMs) evict(cache)
  const oldestFirst = [...staying].sort((a, b) => a.lastUsedMs - b.lastUsedMs || (a.file < b.file ? -1 : 1))
  const groups = new Set(oldestFirst.map(({ group }) => group))
  for (const group of groups) {
    const own = oldestFirst.filter((cache) => cache.group === group)
    shrink(own, limits.maxBytesPerTenant - (incoming?.group === group ? incoming.sizeBytes : 0), evict)
  }
  shrink(
    oldestFirst.filter((cache) => staying.has(cache)),
    limits.maxBytes - (incoming?.sizeBytes ?? 0),
    evict,
  )
  return going
}

function shrink(oldestFirst: readonly StoredCache[], maxBytes: number, evict: (cache: StoredCache) => void): void {
  let total = oldestFirst.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  for (const cache of oldestFirst) {
    if (total <= maxBytes) return
    total -= cache.sizeBytes
    evict(cache)
  }
}
