/**
 * Lists a home without reading its files.
 *
 * The home may belong to somebody who changes it meanwhile, so no path is resolved twice: each folder is opened without
 * following links, and its children are reached through that descriptor (`/proc/self/fd/<n>/<name>`, the `openat` of
 * programs without `openat`). A folder that is exchanged for a link while this runs leads nowhere else.
 */
import { closeSync, lstatSync, readlinkSync, type BigIntStats } from 'node:fs'
import { createHash, type Hash } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { HomeError } from '../errors.js'
import { fileIdentity } from './file-identity.js'
import { fileError, refusedFiles, tooLarge, type RefusedFile } from './home-errors.js'
import { childPath, openFolder, readChildText, TooManyNamesError, type HomeFolder } from './home-folder.js'
import { IGNORE_FILE, parseHomeIgnore, type HomeIgnore } from './home-ignore.js'
import { isLeftOut, refusal, type HomeFileType } from './home-rules.js'
import { printable } from '../printable.js'

/** How large a home may be. */
export interface HomeLimits {
  /** Default 200,000. */
  readonly entries: number
  /** The sum of all file sizes. Default 4 GiB. */
  readonly bytes: number
}

/** How large a home may be: entries, and bytes of content. */
export const DEFAULT_HOME_LIMITS: HomeLimits = { entries: 200_000, bytes: 4 * 1024 ** 3 }

/** One file, folder or link of a home, as it was when the home was listed. */
export interface HomeFile {
  /** Relative to the home. */
  readonly path: Buffer
  readonly type: 'file' | 'directory' | 'symlink'
  /** Permission bits without setuid, setgid and sticky. */
  readonly mode: number
  readonly size: number
  readonly link: Buffer | null
  /** Device, inode, size and times as one text: equal while the file is the same and unchanged. */
  readonly identity: string
}

/** All that a home holds and that goes into its layer. */
export interface HomeTree {
  readonly home: string
  readonly files: readonly HomeFile[]
  /** Changes whenever any file may have changed, apart from changes within the file system's clock tick. */
  readonly fingerprint: string
  /** The youngest change of any file, in milliseconds since the epoch. */
  readonly changedAtMs: number
  /** When the listing began, in milliseconds since the epoch. */
  readonly lookedAtMs: number
}

/** Deeper nesting would need more descriptors than a process should take. */
const MAX_DEPTH = 256
/** Past so many offenders nobody needs the exact count, for example when a home holds a mounted `/proc`. */
const MAX_REFUSED = 1_000
const MAX_IGNORE_BYTES = 64 * 1024
const TURN_MS = 5

/**
 * @param home An absolute path; the home itself may be reached through links.
 * @throws {HomeError} when it is missing, no folder, unreadable, too large, or holds what an image may not hold.
 */
export async function walkHome(
  home: string,
  limits: HomeLimits = DEFAULT_HOME_LIMITS,
  signal?: AbortSignal,
): Promise<HomeTree> {
  const walk = new HomeWalk(home, limits)
  return walk.run(signal)
}

class HomeWalk {
  readonly #home: string
  readonly #limits: HomeLimits
  readonly #files: HomeFile[] = []
  readonly #refused: RefusedFile[] = []
  readonly #hash: Hash = createHash('sha256')
  readonly #stack: HomeFolder[] = []
  /** Folders that are ignored, listed only because something in them may be taken back. */
  #undecided: HomeFile[] = []
  #bytes = 0
  #changedAtMs = 0

  constructor(home: string, limits: HomeLimits) {
    this.#home = home
    this.#limits = limits
  }

  async run(signal?: AbortSignal): Promise<HomeTree> {
    const lookedAtMs = Date.now()
    let turnStart = performance.now()
    try {
      const root = this.#open(Buffer.from(this.#home), Buffer.alloc(0), null)
      const ignore = this.#readIgnore(root)
      for (let folder = this.#stack.at(-1); folder !== undefined; folder = this.#stack.at(-1)) {
        const name = folder.names[folder.next++]
        if (name === undefined) this.#close()
        else this.#visit(folder, name, ignore)
        if (performance.now() - turnStart > TURN_MS) {
          await nextTurn()
          signal?.throwIfAborted()
          turnStart = performance.now()
        }
      }
    } finally {
      while (this.#stack.length > 0) this.#close()
    }
    if (this.#refused.length > 0) throw refusedFiles(this.#home, this.#refused)
    return {
      home: this.#home,
      files: this.#files,
      fingerprint: this.#hash.digest('hex'),
      changedAtMs: this.#changedAtMs,
      lookedAtMs,
    }
  }

  #visit(folder: HomeFolder, name: Buffer, ignore: HomeIgnore | null): void {
    const path = folder.path.length === 0 ? name : Buffer.concat([folder.path, SLASH, name])
    const inside = childPath(folder, name)
    const stat = this.#guarded(path, () => lstatSync(inside, { bigint: true }))
    const type = typeOf(stat)
    const text = ignore === null ? '' : path.toString('utf8')
    const ignored = ignore?.ignores(text) ?? false
    if (ignored && (type !== 'directory' || !ignore?.mayTakeBackBelow(text))) return
    if (!ignored && this.#isRefused(path, type)) return
    const link = type === 'symlink' ? this.#guarded(path, () => readlinkSync(inside, { encoding: 'buffer' })) : null
    const file = toHomeFile(path, type as HomeFile['type'], stat, link)
    while (this.#undecided.length > 0 && !isBelow(path, this.#undecided.at(-1)?.path)) this.#undecided.pop()
    if (ignored) this.#undecided.push(file)
    else {
      for (const parent of this.#undecided.splice(0))
        if (!this.#isRefused(parent.path, 'directory')) this.#add(parent, null)
      this.#add(file, stat)
    }
    if (type === 'directory') this.#open(inside, path, stat)
  }

  #isRefused(path: Buffer, type: HomeFileType): boolean {
    const reason = refusal(path, type)
    if (reason !== null) this.#refused.push({ path, reason })
    if (this.#refused.length >= MAX_REFUSED) throw refusedFiles(this.#home, this.#refused)
    return reason !== null
  }

  #add(file: HomeFile, stat: BigIntStats | null): void {
    if (isLeftOut(file.path)) return
    this.#files.push(file)
    this.#bytes += file.size
    this.#hash.update(`${file.path.length} `)
    this.#hash.update(file.path)
    this.#hash.update(`${file.type} ${file.mode} ${file.identity} `)
    if (stat !== null) {
      this.#changedAtMs = Math.max(this.#changedAtMs, Number(stat.mtimeMs), Number(stat.ctimeMs))
    }
    if (this.#files.length > this.#limits.entries) throw tooLarge(this.#home, 'entries', this.#limits.entries)
    if (this.#bytes > this.#limits.bytes) throw tooLarge(this.#home, 'bytes', this.#limits.bytes)
  }

  #open(from: Buffer, path: Buffer, expected: BigIntStats | null): HomeFolder {
    if (this.#stack.length >= MAX_DEPTH) {
      throw new HomeError(`The home ${printable(this.#home)} has folders nested deeper than ${MAX_DEPTH}.`)
    }
    // Ignored names count too here, so that one folder cannot fill the memory.
    const folder = this.#guarded(path, () => openFolder(from, path, expected, 10 * this.#limits.entries))
    this.#stack.push(folder)
    return folder
  }

  #close(): void {
    const folder = this.#stack.pop()
    if (folder !== undefined) closeSync(folder.descriptor)
  }

  #readIgnore(root: HomeFolder): HomeIgnore | null {
    const text = this.#guarded(Buffer.from(IGNORE_FILE), () => readChildText(root, IGNORE_FILE, MAX_IGNORE_BYTES))
    if (text === null) return null
    this.#hash.update(`${Buffer.byteLength(text)} ${text}`)
    return parseHomeIgnore(text)
  }

  #guarded<T>(path: Buffer, read: () => T): T {
    try {
      return read()
    } catch (error) {
      if (error instanceof TooManyNamesError) throw tooLarge(this.#home, 'entries', this.#limits.entries)
      throw fileError(this.#home, path, error)
    }
  }
}

const SLASH = Buffer.from('/')

function isBelow(path: Buffer, folder: Buffer | undefined): boolean {
  return (
    folder !== undefined && path.length > folder.length && path[folder.length] === 0x2f && path.indexOf(folder) === 0
  )
}

function toHomeFile(path: Buffer, type: HomeFile['type'], stat: BigIntStats, link: Buffer | null): HomeFile {
  const size = type === 'file' ? Number(stat.size) : 0
  return { path, type, mode: Number(stat.mode & 0o777n), size, link, identity: fileIdentity(stat) }
}

function typeOf(stat: BigIntStats): HomeFileType {
  if (stat.isFile()) return 'file'
  if (stat.isDirectory()) return 'directory'
  if (stat.isSymbolicLink()) return 'symlink'
  if (stat.isBlockDevice()) return 'block device'
  if (stat.isCharacterDevice()) return 'character device'
  return stat.isFIFO() ? 'fifo' : 'socket'
}
