/**
 * The image of the tracer beside a sandbox: strace, packed off this host with its libraries, and what starts it. There is no
 * shell in it and nothing else that could be started.
 */
import { readFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import type { ImageFacts, ImageStore } from '../driver/driver.js'
import { ImageError } from '../errors.js'
import { contentKey } from './content-key.js'
import type { DigestCache } from './digest-cache.js'
import { resolveClosure } from './elf-closure.js'
import { buildHostLayer, folders, hostFile, memoryFile, type HostLayer } from './host-files.js'
import { takeHostParts, type HostParts } from './host-parts.js'
import { findHostProgram, loaderEntries, PROGRAM_FOLDERS } from './host-programs.js'
import { buildContext } from './image-archive.js'
import { imageLabels, imageTag, KEY_LABEL } from './image-labels.js'
import { guestFile } from './package-files.js'
import { SharedWork } from './shared-work.js'

const DOCKERFILE = 'FROM scratch\nADD rootfs.tar /\nENV PATH=/bin\nWORKDIR /\n'

/** What the layer is packed from. */
export interface TracerSources {
  /** Default: the host's strace. `null`: it has none. */
  readonly strace?: string | null
  /** Default: the one that was built for this package. */
  readonly tracer?: string
}

/**
 * @throws {ImageError} when this host has no strace, or a library of it is missing.
 */
export function buildTracerLayer(sources: TracerSources = {}): HostLayer {
  const strace = sources.strace === undefined ? findHostProgram('strace') : sources.strace
  if (strace === null) {
    throw new ImageError(
      `Tracing needs strace, which is in none of ${PROGRAM_FOLDERS.join(', ')}. ` +
        'Install it, on Debian and Ubuntu: apt-get install strace.',
      { details: { program: 'strace' } },
    )
  }
  const tracer = sources.tracer ?? guestFile('tracer')
  return buildHostLayer([
    ...folders(['dev', 'etc', 'proc', 'sys']),
    // Engines put files of their own over these, and cannot make them in a container whose root is read-only.
    ...['etc/hostname', 'etc/hosts', 'etc/resolv.conf'].map((path) => memoryFile(path, '', 0o644)),
    ...loaderEntries(resolveClosure([strace])),
    hostFile('usr/bin/strace', strace, 0o755),
    // Read at once, since a build of the package may replace it at any time.
    memoryFile('usr/bin/tracer', readFileSync(tracer), 0o755, tracer),
  ])
}

/** The tracer's image on one engine. Concurrent callers share its build. */
export class TracerImage {
  readonly #store: ImageStore
  readonly #digests: DigestCache
  readonly #builds = new SharedWork<ImageFacts>()
  #parts: Promise<HostParts> | null = null

  constructor(store: ImageStore, digests: DigestCache) {
    this.#store = store
    this.#digests = digests
  }

  /**
   * Gets the image from the engine, or makes it.
   * @throws {ImageError} when this host has no strace. Errors of the engine as they are.
   */
  async facts(signal?: AbortSignal): Promise<{ readonly facts: ImageFacts; readonly built: boolean }> {
    const { layer, digest } = await this.#hostParts()
    const key = contentKey('tracer', digest, DOCKERFILE)
    const tag = imageTag('tracer', key)
    const existing = await this.#store.inspect(tag, signal)
    if (existing?.labels[KEY_LABEL] === key) return { facts: existing, built: false }
    try {
      const facts = await this.#builds.run(key, signal, (shared) => {
        const context = buildContext(DOCKERFILE, { rootfs: layer }, shared)
        return this.#store.build({ context: Readable.from(context), tag, labels: imageLabels('tracer', key) }, shared)
      })
      return { facts, built: true }
    } catch (error) {
      // A part changed on the host since it was planned: the next call plans anew.
      if (error instanceof ImageError && error.retryable) this.#parts = null
      throw error
    }
  }

  /** Taken once per object; a failure is not kept, so that it can be mended meanwhile. */
  #hostParts(): Promise<HostParts> {
    const parts = (this.#parts ??= takeHostParts(buildTracerLayer, this.#digests))
    parts.catch(() => {
      if (this.#parts === parts) this.#parts = null
    })
    return parts
  }
}
