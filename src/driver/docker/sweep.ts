/**
 * Finds and removes what dead processes left on the engine.
 *
 * Several hosts may sweep one engine at once: each removal takes "already gone" for success. Only what carries this
 * package's labels *and* its name is touched: labels alone are inherited from images.
 */
import { CONTAINER_NAME_PREFIX, isAbandoned, isOurs, LABELS, type OwnerRegister } from '../../policy/labels.js'
import type { ContainerSummary, PruneReport } from '../driver.js'
import { isNotFound, statusCodeOf } from './engine-error.js'
import type { EngineClient } from './engine-client.js'
import { type ImageInspection, listImages, removeImage } from './images.js'
import { removeContainer } from './removal.js'

/** Unused images younger than this are kept by default: their next sandbox is likely to come. Milliseconds. */
export const DEFAULT_IMAGE_AGE_MS = 24 * 3_600_000

/** Tags of this package; engines put their own registry before one. An image that somebody built on ours inherits its labels. */
const OUR_TAG = /^(?:localhost\/|docker\.io\/)?container-sandbox\//

/** What to sweep. */
export interface SweepOptions {
  /** Also images that no container uses. */
  readonly images: boolean
  /** Youngest age of an image to remove. */
  readonly imageAgeMs: number
  readonly signal?: AbortSignal | undefined
}

interface ContainerEntry {
  readonly Id: string
  readonly Names: readonly string[] | null
  readonly State: string
  readonly Labels: Readonly<Record<string, string>> | null
  readonly Created: number
}

/** @returns every container of this package, living or dead, whoever owns it */
export async function listContainers(client: EngineClient, signal?: AbortSignal): Promise<ContainerSummary[]> {
  const query = { all: true, filters: { label: [`${LABELS.managed}=1`] } }
  const answer = await client.request({
    what: 'list containers',
    method: 'GET',
    path: '/containers/json',
    query,
    signal,
  })
  return (answer as readonly ContainerEntry[]).map(summaryOf).filter(isOurContainer)
}

/** `true` when both the labels and the name are this package's. */
export function isOurContainer({ name, labels }: Pick<ContainerSummary, 'name' | 'labels'>): boolean {
  return name.startsWith(CONTAINER_NAME_PREFIX) && isOurs(labels)
}

/** @returns what was removed; what another host removed in the meantime is not in it */
export async function sweep(
  client: EngineClient,
  register: OwnerRegister,
  options: SweepOptions,
): Promise<PruneReport> {
  const { signal } = options
  const now = new Date()
  const containers: string[] = []
  for (const { id, labels } of tracersFirst(await listContainers(client, signal))) {
    if (isAbandoned(labels, register, now) && (await removeContainer(client, id, { signal }))) containers.push(id)
  }
  const images = options.images ? await sweepImages(client, options, now) : []
  return {
    containers,
    images: images.map(({ Id }) => Id),
    reclaimedBytes: images.reduce((sum, { Size }) => sum + Size, 0),
  }
}

/** A process whose tracer hangs cannot be killed: the tracer goes before what it traces. */
function tracersFirst(containers: readonly ContainerSummary[]): readonly ContainerSummary[] {
  const isTracer = ({ labels }: ContainerSummary): number => Number(labels[LABELS.role] === 'tracer')
  return containers.toSorted((a, b) => isTracer(b) - isTracer(a))
}

async function sweepImages(client: EngineClient, options: SweepOptions, now: Date): Promise<ImageInspection[]> {
  const removed: ImageInspection[] = []
  for (const image of await listImages(client, { [LABELS.managed]: '1', [LABELS.role]: 'image' }, options.signal)) {
    if (now.getTime() - lastTouched(image) < options.imageAgeMs) continue
    if (image.RepoTags?.some((tag) => !OUR_TAG.test(tag)) === true) continue
    if (await removeUnused(client, image, options.signal)) removed.push(image)
  }
  return removed
}

/** Packed images have a fixed creation time; when the engine got its tag is what counts. */
function lastTouched({ Created, Metadata }: ImageInspection): number {
  const times = [Created, Metadata?.LastTagTime].map((text) => Date.parse(text ?? '')).filter(Number.isFinite)
  return Math.max(0, ...times)
}

async function removeUnused(client: EngineClient, image: ImageInspection, signal?: AbortSignal): Promise<boolean> {
  const references = image.RepoTags?.length ? image.RepoTags : [image.Id]
  try {
    for (const reference of references) await removeImage(client, reference, signal)
    return true
  } catch (error) {
    // 409: a container uses it, or another image is built on it.
    if (statusCodeOf(error) === 409 || isNotFound(error)) return false
    throw error
  }
}

function summaryOf({ Id, Names, State, Labels, Created }: ContainerEntry): ContainerSummary {
  return {
    id: Id,
    // The engine puts a slash before a name.
    name: (Names?.[0] ?? '').replace(/^\//, ''),
    state: State,
    labels: Labels ?? {},
    createdAt: new Date(Created * 1000),
  }
}
