import type { ResolvedBuildCache } from '../../options/index.js'

/** One cache of one build. */
export interface CacheRequest {
  readonly tenant: string
  readonly cache: Pick<ResolvedBuildCache, 'key' | 'path' | 'fallback'>
  /** Of the contents that the cache belongs to, as `CacheStore.digest` gives it; taken before the first step. */
  readonly digest: string
  /** The guest's folder that `cache.path` begins at. */
  readonly workspace: string
  readonly signal: AbortSignal
}

/** What was restored. */
export interface RestoredCache {
  readonly restored: 'exact' | 'fallback' | 'none'
  /** Content of the files. */
  readonly bytes: number
  readonly entries: number
  /** Why nothing was restored although there was something. */
  readonly reason: string | null
}

/** What was saved. */
export interface SavedCache {
  readonly saved: boolean
  /** Content of the files. */
  readonly bytes: number
  /** Why it was not saved. */
  readonly reason: string | null
}
