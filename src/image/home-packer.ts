/** From a home to a layer and its digest, reading the files only when something in the home may have changed. */
import { createHash } from 'node:crypto'
import { contentKey } from './content-key.js'
import { isSettled, type DigestCache } from './digest-cache.js'
import { buildHomeLayer, type HomePlacement } from './home-layer.js'
import { homePaths } from './home-paths.js'
import { DEFAULT_HOME_LIMITS, walkHome, type HomeLimits, type HomeTree } from './home-walk.js'
import { SharedWork } from './shared-work.js'
import type { Layer } from './tar-layer.js'

/** A home as a layer: its digest now, its bytes when they are asked for. */
export interface PackedHome {
  /** The SHA-256 in hex of the layer's bytes. */
  readonly digest: string
  /** Made on demand: an unchanged home that the engine has needs none. */
  readonly layer: () => Layer
  /** See {@link homePaths}. */
  readonly paths: readonly string[]
}

/** A layer up to this size is kept in memory between the digest and the sending, so that its files are read once. */
const KEPT_BYTES = 16 * 1024 * 1024

/** Packs homes, and remembers the digests of those that did not change. */
export class HomePacker {
  readonly #digests: DigestCache
  readonly #limits: HomeLimits
  readonly #packing = new SharedWork<Omit<PackedHome, 'paths'>>()

  constructor(digests: DigestCache, limits: HomeLimits = DEFAULT_HOME_LIMITS) {
    this.#digests = digests
    this.#limits = limits
  }

  /** @throws {HomeError} see {@link walkHome}; retryable when a file changes meanwhile. */
  async pack(home: string, placement: HomePlacement, signal?: AbortSignal): Promise<PackedHome> {
    const tree = await walkHome(home, this.#limits, signal)
    const { uid, gid, links } = placement
    const fingerprint = contentKey('home', home, tree.fingerprint, uid, gid, JSON.stringify(links))
    const known = this.#digests.get(fingerprint)
    const paths = homePaths(tree)
    if (known !== null) return { digest: known, layer: () => buildHomeLayer(tree, placement), paths }
    const packing = await this.#packing.run(fingerprint, signal, async (shared) => {
      const packed = await readOnce(tree, placement, shared)
      if (isSettled(tree.changedAtMs, tree.lookedAtMs)) this.#digests.set(fingerprint, packed.digest)
      return packed
    })
    return { ...packing, paths }
  }
}

async function readOnce(
  tree: HomeTree,
  placement: HomePlacement,
  signal: AbortSignal,
): Promise<Omit<PackedHome, 'paths'>> {
  const layer = buildHomeLayer(tree, placement)
  const kept: Buffer[] | null = layer.sizeBytes <= KEPT_BYTES ? [] : null
  const hash = createHash('sha256')
  for await (const chunk of layer.open(signal)) {
    hash.update(chunk)
    kept?.push(chunk)
  }
  const digest = hash.digest('hex')
  if (kept === null) return { digest, layer: () => layer }
  const fromMemory: Layer = {
    sizeBytes: layer.sizeBytes,
    // eslint-disable-next-line @typescript-eslint/require-await -- a layer is read asynchronously, wherever it comes from
    async *open() {
      yield* kept
    },
  }
  return { digest, layer: () => fromMemory }
}
