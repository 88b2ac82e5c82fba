/** Bases: the runner that is packed off this host, what the host itself is mounted on, and any other image with the `/.sandbox` layer on it. */
import { readFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import type { ImageFacts, ImageStore } from '../driver/driver.js'
import { ImageError } from '../errors.js'
import { findHostBase, type HostBase } from '../policy/host-base.js'
import { assertFitBase, probeBase } from './base-checks.js'
import { contentKey } from './content-key.js'
import type { DigestCache } from './digest-cache.js'
import { buildHostBaseLayer } from './host-base.js'
import type { HostLayer } from './host-files.js'
import { takeHostParts, type HostParts } from './host-parts.js'
import { MERGED_LINKS } from './host-programs.js'
import { buildContext } from './image-archive.js'
import { imageLabels, imageTag, KEY_LABEL, LINKS_LABEL } from './image-labels.js'
import type { LayerAdder } from './layer-adder.js'
import { runnerDockerfile } from './package-files.js'
import { buildRunnerLayer } from './runner-base.js'
import { buildSandboxLayer } from './sandbox-layer.js'
import { SharedWork } from './shared-work.js'

/** What a user image starts from. */
export interface BaseImage {
  /** Stands for everything in the base; it is known before the engine was asked for the image. */
  readonly key: string
  /** Links of the base from a path to a folder, both relative to `/`; `null` when they could not be read. */
  readonly links: Readonly<Record<string, string>> | null
  /** What of the host is mounted on it; `null` for every base but `host`. */
  readonly host: HostBase | null
  /** Gets the image from the engine, or makes it. */
  facts(signal?: AbortSignal): Promise<{ readonly facts: ImageFacts; readonly built: boolean }>
}

/** The bases on one engine. The host's parts of them are taken once per object. */
export class BaseImages {
  readonly #store: ImageStore
  readonly #adder: LayerAdder
  readonly #digests: DigestCache
  readonly #builds = new SharedWork<ImageFacts>()
  readonly #bases = new Map<string, BaseImage>()
  #dockerfile: string | null = null
  #rootfs: Promise<HostParts> | null = null
  #sandbox: Promise<HostParts> | null = null

  constructor(store: ImageStore, adder: LayerAdder, digests: DigestCache) {
    this.#store = store
    this.#adder = adder
    this.#digests = digests
  }

  /** @throws {ImageError} when a part of the runner is missing on this host. */
  async runner(): Promise<BaseImage> {
    const [rootfs, sandbox] = await Promise.all([
      (this.#rootfs ??= this.#retried(
        () => buildRunnerLayer(),
        () => (this.#rootfs = null),
      )),
      this.#sandboxParts(),
    ])
    return this.#fromScratch('runner', rootfs, sandbox, { links: MERGED_LINKS, host: null })
  }

  /**
   * What the host has is looked up each time, so that a program that was installed meanwhile is noticed.
   * @throws {ImageError} when a part of the supervisor is missing on this host.
   */
  async host(): Promise<BaseImage> {
    const host = findHostBase()
    const [rootfs, sandbox] = await Promise.all([
      takeHostParts(() => buildHostBaseLayer(host), this.#digests),
      this.#sandboxParts(),
    ])
    return this.#fromScratch('host', rootfs, sandbox, { links: host.links, host })
  }

  #fromScratch(
    kind: 'runner' | 'host',
    rootfs: HostParts,
    sandbox: HostParts,
    facts: Pick<BaseImage, 'links' | 'host'>,
  ): BaseImage {
    const dockerfile = (this.#dockerfile ??= readFileSync(runnerDockerfile(), 'utf8'))
    const key = contentKey(kind, rootfs.digest, sandbox.digest, dockerfile)
    const tag = imageTag(kind, key)
    const build = (signal: AbortSignal): Promise<ImageFacts> => {
      const context = buildContext(dockerfile, { rootfs: rootfs.layer, sandbox: sandbox.layer }, signal)
      return this.#store.build({ context: Readable.from(context), tag, labels: imageLabels(kind, key) }, signal)
    }
    return { key, ...facts, facts: (signal) => this.#ensure(tag, key, build, signal) }
  }

  /**
   * @param reference A name or content id that the engine knows. It is looked up each time, so that a tag that was moved is
   *   noticed; what is built stands on the content id that was found.
   * @throws {ImageError} when the image is missing or unfit.
   */
  async other(reference: string, signal?: AbortSignal): Promise<BaseImage> {
    const [base, sandbox] = await Promise.all([this.#store.inspect(reference, signal), this.#sandboxParts()])
    assertFitBase(reference, base)
    const key = contentKey('base', base.id, sandbox.digest)
    const known = this.#bases.get(key)
    if (known !== undefined) return known
    const tag = imageTag('base', key)
    const existing = await this.#inspect(tag, key, signal)
    const links = existing === null ? await probeBase(this.#store, reference, base, signal) : storedLinks(existing)
    const labels = imageLabels('base', key, { [LINKS_LABEL]: JSON.stringify(links) })
    const build = (buildSignal: AbortSignal): Promise<ImageFacts> =>
      this.#adder.add({ base, layer: sandbox.layer, digest: sandbox.digest, tag, labels }, buildSignal)
    const image: BaseImage = { key, links, host: null, facts: (wanted) => this.#ensure(tag, key, build, wanted) }
    this.#bases.set(key, image)
    return image
  }

  async #ensure(
    tag: string,
    key: string,
    build: (signal: AbortSignal) => Promise<ImageFacts>,
    signal?: AbortSignal,
  ): Promise<{ facts: ImageFacts; built: boolean }> {
    const existing = await this.#inspect(tag, key, signal)
    if (existing !== null) return { facts: existing, built: false }
    try {
      return { facts: await this.#builds.run(key, signal, build), built: true }
    } catch (error) {
      // A part changed on the host since it was planned: the next call plans anew.
      if (error instanceof ImageError && error.retryable) this.#rootfs = this.#sandbox = null
      throw error
    }
  }

  async #inspect(tag: string, key: string, signal?: AbortSignal): Promise<ImageFacts | null> {
    const facts = await this.#store.inspect(tag, signal)
    return facts?.labels[KEY_LABEL] === key ? facts : null
  }

  #sandboxParts(): Promise<HostParts> {
    return (this.#sandbox ??= this.#retried(
      () => buildSandboxLayer(),
      () => (this.#sandbox = null),
    ))
  }

  /** The host's parts are taken once per process; a failure is not kept, so that it can be mended meanwhile. */
  async #retried(make: () => HostLayer, forget: () => void): Promise<HostParts> {
    try {
      return await takeHostParts(make, this.#digests)
    } catch (error) {
      forget()
      throw error
    }
  }
}

function storedLinks(facts: ImageFacts): Readonly<Record<string, string>> | null {
  try {
    const links = JSON.parse(facts.labels[LINKS_LABEL] ?? 'null') as unknown
    if (links === null || typeof links !== 'object') return null
    return Object.fromEntries(
      Object.entries(links).filter((link): link is [string, string] => typeof link[1] === 'string'),
    )
  } catch {
    return null
  }
}
