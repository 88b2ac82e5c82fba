/** `image`: the images that sandboxes are made of. */
import { DockerDriver } from '../driver/docker/docker-driver.js'
import type { ImageFacts } from '../driver/driver.js'
import { ImageError } from '../errors.js'
import { KIND_LABEL } from '../image/image-labels.js'
import { LABELS } from '../policy/labels.js'
import { engineServices } from '../sandbox/services.js'
import { formatTable, type Terminal } from './terminal.js'

/** What commander makes of the flags of `image`. */
export interface ImageFlags {
  readonly base?: string
  readonly json?: boolean
}

/** What an image without a home is built for: nobody's files are in it. */
const NOBODY = 65_534

const ours = { [LABELS.managed]: '1' }

/** One image as `image list --json` shows it. */
export interface ImageRow {
  readonly id: string
  readonly tags: readonly string[]
  /** `runner`, `base` or `home`; a claim of whoever made the image. */
  readonly kind: string | null
  readonly sizeBytes: number
}

/**
 * `image build`: makes the runner base, or finds it.
 * @returns the exit code
 */
export async function buildImage(terminal: Terminal, flags: ImageFlags): Promise<number> {
  return withDriver(async (driver) => {
    const base = flags.base ?? 'runner'
    const request = { base, home: null, uid: NOBODY, gid: NOBODY }
    const { reference, built } = await engineServices(driver).images.ensure(request)
    if (flags.json === true) terminal.printJson({ base, id: reference, built })
    else terminal.print(`${base}: ${reference} (${built ? 'built' : 'already there'})`)
    return 0
  })
}

/**
 * `image list`: this package's images on the engine.
 * @returns the exit code
 */
export async function listImages(terminal: Terminal, flags: ImageFlags): Promise<number> {
  return withDriver(async (driver) => {
    const rows = (await driver.images.list(ours)).map(toRow)
    if (flags.json === true) terminal.printJson(rows)
    else terminal.print(formatImages(rows))
    return 0
  })
}

/**
 * `image remove`: removes images of this package only.
 * @throws {ImageError} for a reference to any other image, or to none.
 */
export async function removeImages(
  terminal: Terminal,
  references: readonly string[],
  flags: ImageFlags,
): Promise<number> {
  return withDriver(async (driver) => {
    const removed: string[] = []
    for (const reference of references) {
      const facts = await driver.images.inspect(reference)
      if (facts === null)
        throw new ImageError(`There is no image '${reference}'. container-sandbox image list shows what there is.`)
      if (facts.labels[LABELS.managed] !== '1') {
        throw new ImageError(
          `The image '${reference}' was not made by container-sandbox: remove it with the engine's own tools.`,
        )
      }
      await driver.images.remove(reference)
      removed.push(reference)
      if (flags.json !== true) terminal.print(`removed ${reference}`)
    }
    if (flags.json === true) terminal.printJson({ removed })
    return 0
  })
}

/** The table of `image list`. */
export function formatImages(rows: readonly ImageRow[]): string {
  return formatTable(
    ['IMAGE', 'KIND', 'ID', 'SIZE'],
    rows.map(({ tags, kind, id, sizeBytes }) => [
      tags[0] ?? '-',
      kind ?? '-',
      id.replace('sha256:', '').slice(0, 12),
      `${(sizeBytes / 1024 ** 2).toFixed(1)} MiB`,
    ]),
  )
}

function toRow({ id, tags, labels, sizeBytes }: ImageFacts): ImageRow {
  return { id, tags, kind: labels[KIND_LABEL] ?? null, sizeBytes }
}

async function withDriver(work: (driver: DockerDriver) => Promise<number>): Promise<number> {
  const driver = new DockerDriver()
  try {
    return await work(driver)
  } finally {
    await driver.close()
  }
}
