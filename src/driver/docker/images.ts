/** Images of an engine with Docker's API. */
import type { Readable } from 'node:stream'
import { ImageError } from '../../errors.js'
import type { ImageBuild, ImageFacts, ImagePath, ImageStore } from '../driver.js'
import { isNotFound } from './engine-error.js'
import type { EngineClient } from './engine-client.js'
import { statImagePaths } from './image-paths.js'
import { followProgress } from './image-progress.js'

/** The part of `GET /images/<name>/json` that is read. */
export interface ImageInspection {
  readonly Id: string
  readonly RepoTags: readonly string[] | null
  readonly Config: {
    readonly Env?: readonly string[] | null
    readonly Volumes?: Readonly<Record<string, unknown>> | null
    readonly OnBuild?: readonly string[] | null
    readonly Labels?: Readonly<Record<string, string>> | null
  } | null
  readonly Architecture: string
  readonly Size: number
  readonly RootFS: { readonly Layers?: readonly string[] | null }
  readonly Created?: string
  readonly Metadata?: { readonly LastTagTime?: string }
}

/** {@link ImageStore} of an engine. */
export class DockerImages implements ImageStore {
  readonly #client: EngineClient
  readonly #buildTimeoutMs: number

  /** @param buildTimeoutMs deadline of a whole build or load */
  constructor(client: EngineClient, buildTimeoutMs: number) {
    this.#client = client
    this.#buildTimeoutMs = buildTimeoutMs
  }

  async inspect(reference: string, signal?: AbortSignal): Promise<ImageFacts | null> {
    try {
      return factsOf(await inspectImage(this.#client, reference, signal))
    } catch (error) {
      if (isNotFound(error)) return null
      throw error
    }
  }

  /** @throws {ImageError} when a step of the build fails, with the engine's words */
  async build({ context, tag, labels }: ImageBuild, signal?: AbortSignal): Promise<ImageFacts> {
    const query = { t: tag, labels, rm: true, forcerm: true, networkmode: 'none' }
    await this.#transfer({ what: 'build an image', path: '/build', query, archive: context, subject: tag }, signal)
    const facts = await this.inspect(tag, signal)
    if (facts === null) throw new ImageError(`The engine built ${tag} without an error, but has no such image.`)
    return facts
  }

  /** @throws {ImageError} when the archive is none or is damaged */
  async load(archive: Readable, signal?: AbortSignal): Promise<readonly string[]> {
    const query = { quiet: true }
    const request = { what: 'load an image', path: '/images/load', query, archive, subject: 'the archive' }
    const words = await this.#transfer(request, signal)
    return words.flatMap((text) =>
      [...text.matchAll(/^Loaded image(?: ID)?: (\S+)$/gm)].map(([, reference = '']) => reference),
    )
  }

  async list(labels: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<readonly ImageFacts[]> {
    const inspections = await listImages(this.#client, labels, signal)
    return inspections.map(factsOf)
  }

  async remove(reference: string, signal?: AbortSignal): Promise<void> {
    await removeImage(this.#client, reference, signal)
  }

  statPaths(
    reference: string,
    paths: readonly string[],
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<string, ImagePath>> {
    return statImagePaths(this.#client, reference, paths, signal)
  }

  async #transfer(
    request: { what: string; path: string; query: Record<string, unknown>; archive: Readable; subject: string },
    signal: AbortSignal | undefined,
  ): Promise<string[]> {
    const deadline = AbortSignal.timeout(this.#buildTimeoutMs)
    const both = signal === undefined ? deadline : AbortSignal.any([signal, deadline])
    const { what, path, query, archive } = request
    try {
      const answer = await this.#client.stream({
        ...{ what, path, query, method: 'POST', body: archive, timeoutMs: null, signal: both },
      })
      return await followProgress(answer, request.subject)
    } catch (error) {
      signal?.throwIfAborted()
      if (!deadline.aborted) throw error
      throw new ImageError(`The engine did not ${what} (${request.subject}) within ${this.#buildTimeoutMs} ms.`, {
        retryable: true,
        cause: error,
      })
    } finally {
      archive.destroy()
    }
  }
}

/** @throws {EngineUnavailableError} {@link EngineRequestError} */
export async function inspectImage(
  client: EngineClient,
  reference: string,
  signal?: AbortSignal,
): Promise<ImageInspection> {
  const path = `/images/${encodeURI(reference)}/json`
  return (await client.request({ what: 'inspect an image', method: 'GET', path, signal })) as ImageInspection
}

/** @returns every image that has all the labels */
export async function listImages(
  client: EngineClient,
  labels: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<ImageInspection[]> {
  const filters = { label: Object.entries(labels).map(([name, value]) => `${name}=${value}`) }
  const answer = await client.request({
    what: 'list images',
    method: 'GET',
    path: '/images/json',
    query: { filters },
    signal,
  })
  const inspections: ImageInspection[] = []
  for (const { Id } of answer as readonly { Id: string }[]) {
    try {
      inspections.push(await inspectImage(client, Id, signal))
    } catch (error) {
      // Removed since the list was made.
      if (!isNotFound(error)) throw error
    }
  }
  return inspections
}

/** Removes a tag, and the image when it was its last. An image that is not there is fine. */
export async function removeImage(client: EngineClient, reference: string, signal?: AbortSignal): Promise<void> {
  const path = `/images/${encodeURI(reference)}`
  try {
    await client.request({ what: 'remove an image', method: 'DELETE', path, query: { noprune: false }, signal })
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}

/** @returns the engine's answer in the terms of the seam */
export function factsOf(image: ImageInspection): ImageFacts {
  const env = (image.Config?.Env ?? []).map((entry) => {
    const equals = entry.indexOf('=')
    return equals < 0 ? ([entry, ''] as const) : ([entry.slice(0, equals), entry.slice(equals + 1)] as const)
  })
  return {
    id: image.Id,
    tags: image.RepoTags ?? [],
    env: Object.fromEntries(env),
    volumes: Object.keys(image.Config?.Volumes ?? {}),
    onBuild: image.Config?.OnBuild ?? [],
    labels: image.Config?.Labels ?? {},
    architecture: image.Architecture,
    sizeBytes: image.Size,
    layers: image.RootFS.Layers ?? [],
  }
}
