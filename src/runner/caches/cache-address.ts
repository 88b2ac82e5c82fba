/**
 * Where a cache lies in the store.
 *
 * Theory of operation. Tenants, keys and paths are foreign text. None is ever a part of a path: each step is a SHA-256 over
 * texts of which each comes with its length, so that no two different lists of texts are one ('a/b' with 'c' is not 'a'
 * with 'b/c'). The first step is the parent of all tenants, who share what it may take.
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { InvalidOptionsError } from '../../errors.js'
import { rootTenant } from '../../options/index.js'
import { printable } from '../../printable.js'

/** What tells one cache from all others. */
export interface CacheName {
  readonly tenant: string
  readonly key: string
  /** The folder of the workspace: what was kept of one is not restored to another. */
  readonly path: string
}

/** What complete caches end with. */
export const CACHE_SUFFIX = '.tar'

/** @returns the folder of all caches of a parent tenant and of those below it, relative to the store. */
export function groupFolder(tenant: string): string {
  return digestOf(['group', rootTenant(tenant)])
}

/** @returns the folder of one name's caches, relative to the store. */
export function cacheFolder({ tenant, key, path }: CacheName): string {
  return join(groupFolder(tenant), digestOf(['tenant', tenant]), digestOf(['cache', key, path]))
}

/**
 * @param digest - as {@link digestOf} makes it
 * @returns the file of one cache, relative to the store.
 * @throws {InvalidOptionsError} when `digest` is none, so that no other text becomes a part of a path.
 */
export function cacheFile(name: CacheName, digest: string): string {
  if (!/^[0-9a-f]{64}$/.test(digest)) {
    throw new InvalidOptionsError(`a cache's digest is 64 hexadecimal digits, not '${printable(digest, 80)}'`)
  }
  return join(cacheFolder(name), digest + CACHE_SUFFIX)
}

/** SHA-256 over texts and their lengths, in hexadecimal. */
export function digestOf(texts: readonly string[]): string {
  const hash = createHash('sha256')
  for (const text of texts) hash.update(framed(Buffer.from(text)))
  return hash.digest('hex')
}

/** Bytes behind their length. */
export function framed(bytes: Buffer): Buffer {
  const length = Buffer.alloc(8)
  length.writeBigUInt64BE(BigInt(bytes.length))
  return Buffer.concat([length, bytes])
}
