/**
 * The store's folder: `<group>/<tenant>/<name>/<digest>.tar`, and `partial/` for what is being written.
 *
 * Theory of operation. Nothing is remembered between calls: what counts is what lies there, so a crash leaves nothing to
 * repair. What changes the folder does so one after the other; reading takes no turn, because a file that is open stays
 * readable when it is removed. There is one store per folder.
 */
import { mkdir, open, readdir, rename, rm, rmdir, stat, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { openHostFolder } from '../../sandbox/host-folder.js'
import { CACHE_SUFFIX, cacheFolder, groupFolder, type CacheName } from './cache-address.js'
import { planEviction, type StoredCache, type StoreLimits } from './cache-eviction.js'
import { createPartial, removeDeadPartials, type PartialFile } from './partial-file.js'

const PARTIAL_FOLDER = 'partial'
const HASHED = /^[0-9a-f]{64}$/

/** What was removed. */
export interface Removed {
  readonly files: number
  readonly bytes: number
}

/** Files of one store. Every method throws errors of the file system as they are. */
export class CacheFolder {
  readonly #root: string
  readonly #limits: StoreLimits
  #turn: Promise<unknown> = Promise.resolve()

  constructor(root: string, limits: StoreLimits) {
    this.#root = root
    this.#limits = limits
  }

  /** The path of a file of the store. */
  at(file: string): string {
    return join(this.#root, file)
  }

  /** The digests of all caches of one name. */
  async digests(name: CacheName): Promise<readonly string[]> {
    const names = await namesIn(this.at(cacheFolder(name)))
    return names.filter(isCacheName).map((file) => file.slice(0, -CACHE_SUFFIX.length))
  }

  /** A new file beside the caches, which {@link publish} makes one of them. */
  async createPartial(): Promise<PartialFile> {
    await makePrivate(this.#root)
    return createPartial(join(this.#root, PARTIAL_FOLDER))
  }

  /**
   * Makes room for a written file and gives it its place, for good once this returns. What was there is replaced; it and
   * what had to go for room stay readable for those who read them.
   */
  publish(partial: PartialFile, name: CacheName, file: string): Promise<void> {
    return this.#alone(async () => {
      const { size } = await partial.handle.stat()
      const group = groupFolder(name.tenant)
      await this.#evict({ file, group, sizeBytes: size })
      const folder = dirname(this.at(file))
      for (const parent of [dirname(dirname(folder)), dirname(folder), folder]) await makeFolder(parent)
      await rename(partial.path, this.at(file))
      await syncFolder(folder)
    })
  }

  /** Removes a written file that has not become a cache. */
  async discard(partial: PartialFile): Promise<void> {
    await rm(partial.path, { force: true }).catch(() => undefined)
  }

  /** Removes a file if it is still the one that was open. */
  remove(file: string, inode: number | null): Promise<void> {
    return this.#alone(async () => {
      const found = await stat(this.at(file)).catch(() => null)
      if (found === null || inode === null || found.ino === inode) await this.#remove(file)
    })
  }

  /** Removes what is too old or too much, and what dead processes left. */
  sweep(): Promise<Removed> {
    return this.#alone(async () => {
      const dead = await removeDeadPartials(join(this.#root, PARTIAL_FOLDER), Date.now())
      const evicted = await this.#evict(null)
      await this.#removeEmpty()
      return { files: dead.files + evicted.files, bytes: dead.bytes + evicted.bytes }
    })
  }

  async #evict(incoming: Omit<StoredCache, 'lastUsedMs'> | null): Promise<Removed> {
    const going = planEviction(await this.#list(), this.#limits, Date.now(), incoming)
    for (const { file } of going) await this.#remove(file)
    return { files: going.length, bytes: going.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) }
  }

  async #list(): Promise<readonly StoredCache[]> {
    const caches: StoredCache[] = []
    for await (const folder of this.#folders()) {
      for (const name of (await namesIn(this.at(folder))).filter(isCacheName)) {
        const file = join(folder, name)
        const stats = await stat(this.at(file)).catch(() => null)
        if (stats === null) continue
        const group = file.split('/', 1)[0] ?? ''
        caches.push({ file, group, sizeBytes: stats.size, lastUsedMs: stats.mtimeMs })
      }
    }
    return caches
  }

  /** The folders that hold caches. */
  async *#folders(): AsyncGenerator<string, void, void> {
    for (const group of await this.#hashed('.')) {
      for (const tenant of await this.#hashed(group)) yield* await this.#hashed(tenant)
    }
  }

  async #hashed(folder: string): Promise<readonly string[]> {
    return (await namesIn(this.at(folder))).filter((name) => HASHED.test(name)).map((name) => join(folder, name))
  }

  async #remove(file: string): Promise<void> {
    await rm(this.at(file), { force: true, recursive: true })
    for (let folder = dirname(file); folder !== '.'; folder = dirname(folder)) {
      if (!(await removeIfEmpty(this.at(folder)))) return
    }
  }

  /** What a crash between the making of a folder and the renaming into it left. */
  async #removeEmpty(): Promise<void> {
    for await (const folder of this.#folders()) await removeIfEmpty(this.at(folder))
    for (const group of await this.#hashed('.')) {
      for (const tenant of await this.#hashed(group)) await removeIfEmpty(this.at(tenant))
      await removeIfEmpty(this.at(group))
    }
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => undefined)
    return turn
  }
}

function isCacheName(name: string): boolean {
  return name.endsWith(CACHE_SUFFIX) && HASHED.test(name.slice(0, -CACHE_SUFFIX.length))
}

async function namesIn(path: string): Promise<readonly string[]> {
  return readdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return []
    throw error
  })
}

async function removeIfEmpty(path: string): Promise<boolean> {
  return rmdir(path).then(
    () => true,
    () => false,
  )
}

/** Makes the folder with its parents if missing, for this user alone. */
async function makePrivate(path: string): Promise<void> {
  const found = await stat(path).catch(() => null)
  if (found?.isDirectory() === true) return
  await (await openHostFolder(dirname(path))).close()
  await makeFolder(path)
}

async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
}

async function syncFolder(path: string): Promise<void> {
  const folder: FileHandle = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
