/** Layers of files of this host, with their digests. */
import { ImageError } from '../errors.js'
import { isSettled, type DigestCache } from './digest-cache.js'
import type { HostLayer } from './host-files.js'
import { digestLayer } from './tar-layer.js'

/** A layer that was read once. */
export interface HostParts {
  readonly layer: HostLayer
  /** The layer's SHA-256 in hex. */
  readonly digest: string
}

/**
 * Takes the digest of a layer: from the cache while its files are unchanged, or by reading it.
 * @throws {ImageError} also for what the file system says.
 */
export async function takeHostParts(make: () => HostLayer, digests: DigestCache): Promise<HostParts> {
  try {
    const layer = make()
    const known = digests.get(layer.fingerprint)
    if (known !== null) return { layer, digest: known }
    const lookedAtMs = Date.now()
    const digest = await digestLayer(layer)
    if (isSettled(layer.changedAtMs, lookedAtMs)) digests.set(layer.fingerprint, digest)
    return { layer, digest }
  } catch (error) {
    if (error instanceof ImageError) throw error
    throw new ImageError(`The parts of an image could not be read from this host: ${(error as Error).message}`, {
      cause: error,
    })
  }
}
