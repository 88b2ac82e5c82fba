/** What is kept of builds that have ended: the newest, for some time, and no more than there is room for. */
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { rootTenant } from '../options/index.js'
import { logRecord, type Logger } from '../telemetry/index.js'
import type { BuildResult } from './build-events.js'
import { LOG_FILE, RECORD_FILE, TRACE_FILE } from './build-record.js'

/** How much is kept. */
export interface Retention {
  readonly keepBuilds: number
  readonly keepBytes: number
  readonly keepMs: number
}

/** An ended build as its folder shows it. */
export interface EndedBuild {
  readonly id: string
  /** The outermost parent of its tenant: all below it have one share. Empty when the record cannot be read. */
  readonly group: string
  readonly finishedMs: number
  /** Of everything in its folder. */
  readonly bytes: number
}

/** What file systems commonly give room in. */
const BLOCK_BYTES = 4096

/** Reads off how much the folder of an ended build takes. What the artifacts take is known from the result. */
export async function endedBuild(
  folder: string,
  result: Pick<BuildResult, 'id' | 'tenant' | 'artifacts' | 'finishedAt'>,
): Promise<EndedBuild> {
  const { id, tenant, artifacts, finishedAt } = result
  let bytes = 0
  for (const file of artifacts) bytes += inBlocks(file.bytes) + BLOCK_BYTES
  for (const name of [RECORD_FILE, LOG_FILE, TRACE_FILE])
    bytes += await stat(join(folder, name)).then(
      ({ size }) => inBlocks(size),
      () => 0,
    )
  return { id, group: rootTenant(tenant), finishedMs: Date.parse(finishedAt), bytes }
}

function inBlocks(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES
}

/** The ended builds of one group, oldest first. */
interface Group {
  readonly builds: EndedBuild[]
  bytes: number
}

/**
 * The folders of ended builds, and their removal: what is too old, and then, while there is too much, the oldest of whoever has
 * the most. So one tenant's builds do not push out those of others.
 */
export class EndedBuilds {
  readonly #folder: string
  readonly #retention: Retention
  readonly #logger: Logger
  readonly #groups = new Map<string, Group>()
  #count = 0
  #bytes = 0

  /** @param ended builds that are there already, in any order */
  constructor(folder: string, retention: Retention, logger: Logger, ended: readonly EndedBuild[]) {
    this.#folder = folder
    this.#retention = retention
    this.#logger = logger
    for (const build of [...ended].sort((one, other) => one.finishedMs - other.finishedMs)) this.#put(build)
  }

  /** Takes a build that has ended now, and removes what is too much or too old; never the build itself. */
  async add(result: BuildResult): Promise<void> {
    const build = await endedBuild(join(this.#folder, result.id), result)
    this.#put(build)
    await this.#trim(build)
  }

  /** Removes what is too much or too old. What cannot be removed is told of, and left to the next runner. Never rejects. */
  async trim(): Promise<void> {
    await this.#trim(null)
  }

  async #trim(staying: EndedBuild | null): Promise<void> {
    const { keepBuilds, keepBytes, keepMs } = this.#retention
    const latest = Date.now() - keepMs
    const going: EndedBuild[] = []
    for (const [name, { builds }] of this.#groups)
      for (
        let first = builds[0];
        first !== undefined && first.finishedMs < latest && first !== staying;
        first = builds[0]
      )
        going.push(this.#take(name))
    const shrink = (isTooMuch: () => boolean, sizeOf: (group: Group) => number): void => {
      while (isTooMuch()) {
        const name = this.#largest(sizeOf, staying)
        if (name === null) return
        going.push(this.#take(name))
      }
    }
    shrink(
      () => this.#count > keepBuilds,
      ({ builds }) => builds.length,
    )
    shrink(
      () => this.#bytes > keepBytes,
      ({ bytes }) => bytes,
    )
    for (const { id } of going)
      await rm(join(this.#folder, id), { recursive: true, force: true }).catch((err: Error) =>
        this.#logger.warn(logRecord({ buildId: id, err }), 'an ended build cannot be removed'),
      )
  }

  #put(build: EndedBuild): void {
    const group = this.#groups.get(build.group) ?? { builds: [], bytes: 0 }
    this.#groups.set(build.group, group)
    group.builds.push(build)
    group.bytes += build.bytes
    this.#count += 1
    this.#bytes += build.bytes
  }

  /** Takes out the oldest build of a group. */
  #take(name: string): EndedBuild {
    const group = this.#groups.get(name)
    const build = group?.builds.shift()
    if (group === undefined || build === undefined) throw new Error(`no build of '${name}' is kept`)
    if (group.builds.length === 0) this.#groups.delete(name)
    group.bytes -= build.bytes
    this.#count -= 1
    this.#bytes -= build.bytes
    return build
  }

  /** The group with the most of what `sizeOf` tells, among those whose oldest may go. */
  #largest(sizeOf: (group: Group) => number, staying: EndedBuild | null): string | null {
    let found: string | null = null
    let most = -1
    for (const [name, group] of this.#groups) {
      const size = sizeOf(group)
      if (size <= most || group.builds[0] === staying) continue
      found = name
      most = size
    }
    return found
  }
}
