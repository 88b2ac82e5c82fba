/** Caches: folders that the next build of the same tenant begins with. */
export { CacheStore } from './cache-store.js'
export type { CacheRequest, RestoredCache, SavedCache } from './cache-request.js'
