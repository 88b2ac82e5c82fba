/**
 * Makes sure that an engine has the image for a sandbox: the base, and on top of it the user's home as one layer.
 *
 * Every image has a tag with a key of its content, so an unchanged one is found with one question to the engine.
 */
import type { ImageFacts, ImageStore } from '../driver/driver.js'
import type { BindMount } from '../policy/container-spec.js'
import { BaseImages, type BaseImage } from './base-images.js'
import { contentKey } from './content-key.js'
import { DigestCache } from './digest-cache.js'
import { assertHomeApart } from './host-base.js'
import { HomePacker } from './home-packer.js'
import { DEFAULT_HOME_LIMITS, type HomeLimits } from './home-walk.js'
import { imageLabels, imageTag, KEY_LABEL } from './image-labels.js'
import { LayerAdder, type LayerMethod } from './layer-adder.js'
import { SharedWork } from './shared-work.js'
import { newestToolchain } from './toolchain.js'
import { TracerImage } from './tracer-image.js'

const MAX_REMEMBERED = 1_000

/** What an {@link ImageBuilder} works with. */
export interface ImageBuilderOptions {
  readonly store: ImageStore
  /** A folder for digests of files that did not change since another process read them. Default `null`: none. */
  readonly stateDir?: string | null
  /** How large homes may be. Default 200,000 entries and 4 GiB. */
  readonly homeLimits?: Partial<HomeLimits>
  /** How layers get to the engine. Default `auto`. */
  readonly method?: LayerMethod
}

/** What a sandbox is to be made from. */
export interface ImageRequest {
  /** `runner`, `host`, `toolchain`, or a reference that the engine knows. */
  readonly base: string
  /** An absolute path on this host, or `null` for an empty home. */
  readonly home: string | null
  /** Who owns the files of the home inside. */
  readonly uid: number
  readonly gid: number
  readonly signal?: AbortSignal | null | undefined
}

/** An image that the engine has. */
export interface PreparedImage {
  /** The content id, `sha256:…`. */
  readonly reference: string
  /** What the image declares as environment, for commands. */
  readonly env: Readonly<Record<string, string>>
  /** Folders that the image declares as volumes: each needs a `writable` entry or an engine makes one without a limit. */
  readonly volumes: readonly string[]
  /** Where the files of the home lie inside, see `home-paths.ts`; empty without a home. */
  readonly homePaths: readonly string[]
  /** What of the host is to be mounted for the base `host`; empty for every other base. */
  readonly baseMounts: readonly BindMount[]
  /** Whether anything had to be built. */
  readonly built: boolean
}

/** Images of one engine. Concurrent callers share it, and with it their builds. */
export class ImageBuilder {
  readonly #store: ImageStore
  readonly #adder: LayerAdder
  readonly #bases: BaseImages
  readonly #homes: HomePacker
  readonly #tracer: TracerImage
  readonly #builds = new SharedWork<ImageFacts>()
  /** From a base, a home and an owner to the tag that they had last. */
  readonly #lastTags = new Map<string, string>()

  constructor(options: ImageBuilderOptions) {
    const digests = new DigestCache(options.stateDir ?? null)
    this.#store = options.store
    this.#adder = new LayerAdder(options.store, options.method)
    this.#bases = new BaseImages(options.store, this.#adder, digests)
    this.#tracer = new TracerImage(options.store, digests)
    this.#homes = new HomePacker(digests, { ...DEFAULT_HOME_LIMITS, ...options.homeLimits })
  }

  /**
   * Callers that ask for the same content at the same time share one build; it goes on until the last of them aborts.
   *
   * @throws {ImageError} {@link HomeError} and errors of the engine.
   */
  async ensure(request: ImageRequest): Promise<PreparedImage> {
    const signal = request.signal ?? undefined
    signal?.throwIfAborted()
    const base = await this.#base(request.base, signal)
    if (request.home !== null) return this.#withHome(base, request.home, request, signal)
    const { facts, built } = await base.facts(signal)
    return prepared(facts, base, [], built)
  }

  /**
   * Makes sure that the engine has the image of the tracer. Shared as {@link ensure} is.
   *
   * @throws {ImageError} when this host has no strace. Errors of the engine as they are.
   */
  async ensureTracer(signal?: AbortSignal): Promise<PreparedImage> {
    signal?.throwIfAborted()
    const { facts, built } = await this.#tracer.facts(signal)
    return prepared(facts, null, [], built)
  }

  async #withHome(
    base: BaseImage,
    home: string,
    { uid, gid }: ImageRequest,
    signal?: AbortSignal,
  ): Promise<PreparedImage> {
    // Most homes did not change, so the engine is asked for the last image while the home is looked at.
    const place = contentKey(base.key, home, uid, gid)
    const lastTag = this.#lastTags.get(place)
    const last = lastTag === undefined ? null : this.#store.inspect(lastTag, signal)
    last?.catch(() => undefined)
    const packed = await this.#homes.pack(home, { uid, gid, links: base.links }, signal)
    if (base.host !== null) assertHomeApart(home, packed.paths, base.host)
    const key = contentKey('home', base.key, packed.digest, uid, gid)
    const tag = imageTag('home', key)
    const existing = await (tag === lastTag ? last : this.#store.inspect(tag, signal))
    this.#remember(place, tag)
    if (existing?.labels[KEY_LABEL] === key) return prepared(existing, base, packed.paths, false)
    const facts = await this.#builds.run(key, signal, async (shared) => {
      const { facts: baseFacts } = await base.facts(shared)
      const labels = imageLabels('home', key)
      return this.#adder.add({ base: baseFacts, layer: packed.layer(), digest: packed.digest, tag, labels }, shared)
    })
    return prepared(facts, base, packed.paths, true)
  }

  #remember(place: string, tag: string): void {
    this.#lastTags.delete(place)
    this.#lastTags.set(place, tag)
    const oldest = this.#lastTags.keys().next().value
    if (this.#lastTags.size > MAX_REMEMBERED && oldest !== undefined) this.#lastTags.delete(oldest)
  }

  async #base(base: string, signal?: AbortSignal): Promise<BaseImage> {
    if (base === 'toolchain') return this.#bases.other(await newestToolchain(this.#store, signal), signal)
    if (base === 'host') return this.#bases.host()
    return base === 'runner' ? this.#bases.runner() : this.#bases.other(base, signal)
  }
}

function prepared(
  facts: ImageFacts,
  base: BaseImage | null,
  homePaths: readonly string[],
  built: boolean,
): PreparedImage {
  const baseMounts = (base?.host?.mounts ?? []).map(({ source, target, writable }) => ({ source, target, writable }))
  return { reference: facts.id, env: facts.env, volumes: facts.volumes, homePaths, baseMounts, built }
}
