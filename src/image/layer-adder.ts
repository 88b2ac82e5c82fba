/**
 * Puts one layer on an image that the engine has.
 *
 * Two ways, with the same result. *Load* sends the layer once and the engine unpacks it once. *Build* sends it inside a
 * context, which the engine unpacks to its disk, unpacks again into a container and then compares and packs anew; it is
 * the way that every engine has. Load is tried first; an engine that refuses it is not asked again by this object.
 */
import { AsyncResource } from 'node:async_hooks'
import PQueue from 'p-queue'
import { Readable } from 'node:stream'
import type { ImageFacts, ImageStore } from '../driver/driver.js'
import { ImageError } from '../errors.js'
import { buildContext, layeredArchive, type LayeredImage } from './image-archive.js'
import { KEY_LABEL } from './image-labels.js'
import type { Layer } from './tar-layer.js'

/** How a layer gets to the engine; `auto` is load with build as the fallback. */
export type LayerMethod = 'auto' | 'load' | 'build'

/**
 * How many layers are sent to one engine at a time. Each sent one holds open files here and a half-written image there; a
 * burst of new homes waits here instead, where one that nobody wants any longer costs nothing.
 */
const MAX_ADDED_AT_ONCE = 4

/** Adds layers to the images of one engine. */
export class LayerAdder {
  readonly #store: ImageStore
  readonly #queue = new PQueue({ concurrency: MAX_ADDED_AT_ONCE })
  #method: LayerMethod

  constructor(store: ImageStore, method: LayerMethod = 'auto') {
    this.#store = store
    this.#method = method
  }

  /**
   * @returns the facts of the new image, after it was checked that it stands on its base and carries its key.
   * @throws {HomeError} when a file of the layer changes or disappears meanwhile. {ImageError} when the engine made something
   *   else than was asked for. Errors of the engine as they are.
   */
  add(image: LayeredImage, signal: AbortSignal): Promise<ImageFacts> {
    // One that waited is started by the end of another: it runs in the context of its own caller.
    const run = AsyncResource.bind(() => this.#add(image, signal))
    return this.#queue.add(run, { signal })
  }

  async #add(image: LayeredImage, signal: AbortSignal): Promise<ImageFacts> {
    if (this.#method !== 'build') {
      try {
        return await this.#load(image, signal)
      } catch (error) {
        if (this.#method === 'load' || signal.aborted || error instanceof SourceFailure) throw unwrapped(error)
      }
    }
    const facts = await this.#build(image, signal).catch((error: unknown) => {
      throw unwrapped(error)
    })
    if (this.#method === 'auto') this.#method = 'build'
    return facts
  }

  async #load(image: LayeredImage, signal: AbortSignal): Promise<ImageFacts> {
    await sending(signal, image.layer, async (layer, sendSignal) => {
      await this.#store.load(Readable.from(layeredArchive({ ...image, layer }, sendSignal)), sendSignal)
    })
    const facts = await this.#store.inspect(image.tag, signal)
    if (facts === null) throw new ImageError(`The engine took the image ${image.tag} but does not have it.`)
    const expected = [...image.base.layers, `sha256:${image.digest}`]
    return checked(facts, image, facts.layers.length === expected.length && facts.layers.at(-1) === expected.at(-1))
  }

  async #build(image: LayeredImage, signal: AbortSignal): Promise<ImageFacts> {
    const dockerfile = `FROM ${image.base.id}\nADD layer.tar /\n`
    const facts = await sending(signal, image.layer, (layer, sendSignal) =>
      this.#store.build(
        {
          context: Readable.from(buildContext(dockerfile, { layer }, sendSignal)),
          tag: image.tag,
          labels: image.labels,
        },
        sendSignal,
      ),
    )
    return checked(facts, image, facts.layers.length > image.base.layers.length)
  }
}

/**
 * Runs `send` with a layer whose failure to be read ends the request: engines wait for the rest of a body for ever, and
 * what they say about one that broke off hides the reason.
 */
async function sending<T>(
  signal: AbortSignal,
  layer: Layer,
  send: (layer: Layer, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  let failure: SourceFailure | null = null
  const watched: Layer = {
    sizeBytes: layer.sizeBytes,
    async *open(openSignal) {
      try {
        yield* layer.open(openSignal)
      } catch (error) {
        failure = new SourceFailure(error)
        controller.abort(failure)
        throw error
      }
    },
  }
  try {
    return await send(watched, AbortSignal.any([signal, controller.signal]))
  } catch (error) {
    signal.throwIfAborted()
    throw (failure as SourceFailure | null) ?? error
  }
}

/** The layer itself could not be read, so no other way of sending it helps. */
class SourceFailure extends Error {
  constructor(override readonly cause: unknown) {
    super('The layer could not be read.')
  }
}

function unwrapped(error: unknown): unknown {
  return error instanceof SourceFailure ? error.cause : error
}

function checked(facts: ImageFacts, image: LayeredImage, layersFit: boolean): ImageFacts {
  const onBase = image.base.layers.every((layer, index) => facts.layers[index] === layer)
  const labelled = Object.entries(image.labels).every(([name, value]) => facts.labels[name] === value)
  if (onBase && labelled && layersFit) return facts
  throw new ImageError(
    `The engine made ${image.tag} differently from what was asked: ` +
      (onBase && layersFit ? 'its labels differ.' : 'it does not stand on its base image.'),
    { details: { tag: image.tag, id: facts.id, key: image.labels[KEY_LABEL] } },
  )
}
