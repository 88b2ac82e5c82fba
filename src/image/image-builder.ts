/**
 * Makes sure that an engine has the image for a sandbox: the base, and on top of it the user's home as one layer.
 *
 * Every image has a tag with a key of its content, so an unchanged one is found with one question to the engine.
 */
import type { ImageFacts, ImageStore } from '../driver/driver.js'
import { BaseImages, type BaseImage } from './base-images.js'
import { DigestCache } from './digest-cache.js'
import { LayerAdder, type LayerMethod } from './layer-adder.js'

export interface ImageBuilderOptions {
  readonly store: ImageStore
  /** A folder for digests of files that did not change since another process read them. Default `null`: none. */
  readonly stateDir?: string | null
  /** How layers get to the engine. Default `auto`. */
  readonly method?: LayerMethod
}

/** What a sandbox is to be made from. */
export interface ImageRequest {
  /** `runner`, or a reference that the engine knows. */
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
  /** Whether anything had to be built. */
  readonly built: boolean
}

export class ImageBuilder {
  readonly #bases: BaseImages

  constructor(options: ImageBuilderOptions) {
    const digests = new DigestCache(options.stateDir ?? null)
    this.#bases = new BaseImages(options.store, new LayerAdder(options.store, options.method), digests)
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
    const { facts, built } = await base.facts(signal)
    return prepared(facts, built)
  }

  #base(base: string, signal?: AbortSignal): Promise<BaseImage> {
    return base === 'runner' ? this.#bases.runner() : this.#bases.other(base, signal)
  }
}

function prepared(facts: ImageFacts, built: boolean): PreparedImage {
  return { reference: facts.id, env: facts.env, volumes: facts.volumes, built }
}
