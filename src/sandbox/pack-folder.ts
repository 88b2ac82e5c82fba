/**
 * Packs a folder of the host for `upload`.
 *
 * Theory of operation. The folder may belong to somebody who changes it meanwhile, for example to the user whose files
 * these are. So no path is resolved twice: each folder is opened without following links, and what is in it is reached
 * through that descriptor (`/proc/self/fd/<n>/<name>`, the `openat` of programs without `openat`). A folder or file that
 * is exchanged for a link leads nowhere else. Links are packed as links and never followed.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync, readSync } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createReadStream } from 'node:fs'
import { pack, type Header, type Pack } from 'tar-stream'
import { CapacityError, HostFileError, InvalidOptionsError, SandboxError } from '../errors.js'
import { childPath, openFolder, TooManyNamesError, type HomeFolder } from '../image/home-folder.js'
import { printable } from '../printable.js'
import { MAX_SEGMENTS } from './archive-rules.js'

/** Files up to this size are read in one go without leaving the thread, which takes a tenth of the time. */
const SMALL_FILE_BYTES = 128 * 1024
const READ_BYTES = 256 * 1024

/** Names in one folder; more would fill the memory before anything is sent. */
const MAX_NAMES = 1_000_000

/** `O_NONBLOCK`, so that a FIFO that took the file's place does not hold the open. */
const OPEN_FILE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

/** What is taken of a folder. */
export interface PackLimits {
  /** The most bytes of file content; `null`, the default, for no cap. */
  readonly maxBytes?: number | null
  /** The most files, folders and links; `null`, the default, for no cap. */
  readonly maxEntries?: number | null
  /** Whether times of last change are packed too. Default `false`: all are 0. */
  readonly keepTimes?: boolean
}

/** A folder of this host on its way into a sandbox. */
export interface PackedFolder {
  /** A tar archive. Destroying it ends the packing. */
  readonly stream: Readable
  /** How many sockets, FIFOs and devices were left out so far. */
  skipped(): number
}

/**
 * @returns a tar stream of what the folder holds, in the order of names.
 * @throws {InvalidOptionsError} when it is no folder that can be read. The stream fails with {@link HostFileError} for
 * what cannot be read inside it, and with {@link CapacityError} at a cap. What vanishes while it is packed is left out.
 */
export function packFolder(folder: string, limits: PackLimits = {}): PackedFolder {
  const packer = new FolderPacker(folder, limits)
  const stream = Readable.from(packer.archive, { objectMode: false, highWaterMark: 1024 * 1024 })
  void packer.run()
  return { stream, skipped: () => packer.skipped }
}

type EntryHeader = Partial<Header> & Pick<Header, 'name'>

class FolderPacker {
  readonly archive: Pack = pack({ highWaterMark: 1024 * 1024 })
  skipped = 0
  readonly #stack: HomeFolder[] = []
  readonly #limits: PackLimits
  #entries = 0
  #bytes = 0

  constructor(folder: string, limits: PackLimits) {
    this.#limits = limits
    try {
      this.#stack.push(openFolder(Buffer.from(folder), Buffer.alloc(0), null, MAX_NAMES))
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      throw new InvalidOptionsError(`cannot upload '${printable(folder, 200)}': ${why}`, { cause: error })
    }
  }

  /** Never rejects: what goes wrong destroys the archive, whose reader reports it. */
  async run(): Promise<void> {
    try {
      for (let folder = this.#stack.at(-1); folder !== undefined; folder = this.#stack.at(-1)) {
        const name = folder.names[folder.next++]
        if (name === undefined) closeSync(this.#stack.pop()?.descriptor ?? -1)
        else await this.#add(folder, name)
      }
      this.archive.finalize()
    } catch (error) {
      this.archive.destroy(error instanceof Error ? error : new Error(String(error)))
    } finally {
      for (const { descriptor } of this.#stack.splice(0)) closeSync(descriptor)
    }
  }

  async #add(folder: HomeFolder, base: Buffer): Promise<void> {
    const path = folder.path.length === 0 ? base : Buffer.concat([folder.path, Buffer.from('/'), base])
    try {
      await this.#pack(childPath(folder, base), path)
    } catch (error) {
      if (error instanceof SandboxError) throw error
      if (error instanceof TooManyNamesError) throw failure('E2BIG', path, error)
      const { code } = error as NodeJS.ErrnoException
      if (code === undefined) throw error
      if (code !== 'ENOENT') throw failure(code, path, error)
    }
  }

  async #pack(inside: Buffer, path: Buffer): Promise<void> {
    const name = path.toString('utf8')
    if (!Buffer.from(name).equals(path)) throw failure('EILSEQ', path)
    const stat = lstatSync(inside, { bigint: true })
    const mode = Number(stat.mode & 0o777n)
    const mtime = this.#time(stat.mtimeMs)
    if (stat.isDirectory()) {
      if (this.#stack.length >= MAX_SEGMENTS) throw failure('ELOOP', path)
      this.#stack.push(openFolder(inside, path, stat, MAX_NAMES))
      await this.#put({ name, mode, mtime, type: 'directory' })
    } else if (stat.isSymbolicLink()) {
      await this.#put({ name, mode, mtime, type: 'symlink', linkname: readlinkSync(inside) })
    } else if (stat.isFile()) await this.#putFile(name, inside)
    else this.skipped += 1
  }

  async #putFile(name: string, inside: Buffer): Promise<void> {
    const descriptor = openSync(inside, OPEN_FILE)
    let isOpen = true
    try {
      const stat = fstatSync(descriptor)
      if (!stat.isFile()) throw failure('EBUSY', Buffer.from(name))
      const header: EntryHeader = { name, mode: stat.mode & 0o777, mtime: this.#time(stat.mtimeMs), type: 'file' }
      if (stat.size <= SMALL_FILE_BYTES) return await this.#put(header, readSmall(descriptor, stat.size))
      // The size in the header is a promise: a file that has grown is cut there, one that has shrunk fails the archive.
      this.#count(stat.size)
      const sink = this.archive.entry({ ...header, size: stat.size })
      isOpen = false
      const range = { start: 0, end: stat.size - 1, highWaterMark: READ_BYTES }
      await pipeline(createReadStream('', { fd: descriptor, ...range }), sink)
    } finally {
      if (isOpen) closeSync(descriptor)
    }
  }

  #time(mtimeMs: number | bigint): Date {
    if (this.#limits.keepTimes !== true) return EPOCH
    return new Date(Math.min(Math.max(Number(mtimeMs), 0), MAX_TIME_MS))
  }

  #count(bytes: number): void {
    const { maxBytes = null, maxEntries = null } = this.#limits
    this.#entries += 1
    this.#bytes += bytes
    if (maxEntries !== null && this.#entries > maxEntries) throw tooMuch('entries', maxEntries, 'maxEntries')
    if (maxBytes !== null && this.#bytes > maxBytes) throw tooMuch('bytes', maxBytes, 'maxBytes')
  }

  #put(header: EntryHeader, content?: Buffer): Promise<void> {
    this.#count(content?.length ?? 0)
    return new Promise((resolve, reject) => {
      const done = (error?: Error | null): void => (error ? reject(error) : resolve())
      this.archive.entry(header, content ?? '', done)
    })
  }
}

const EPOCH = new Date(0)

/** tar-stream writes times as signed numbers of 32 bits. */
const MAX_TIME_MS = (2 ** 31 - 1) * 1000

function tooMuch(what: string, limit: number, option: string): CapacityError {
  return new CapacityError(`the folder holds more than ${limit} ${what}: raise ${option} if that is right`, {
    details: { [option]: limit },
    retryable: false,
  })
}

/** What is there now, at most `size` bytes. */
function readSmall(descriptor: number, size: number): Buffer {
  const content = Buffer.allocUnsafe(size)
  let filled = 0
  while (filled < size) {
    const count = readSync(descriptor, content, filled, size - filled, filled)
    if (count === 0) break
    filled += count
  }
  return content.subarray(0, filled)
}

const REASONS: Readonly<Record<string, string>> = {
  EBUSY: 'changed while it was packed:',
  ELOOP: 'is nested too deep or was exchanged for a link:',
  EILSEQ: 'has a name that is not UTF-8:',
  E2BIG: `has more than ${MAX_NAMES} names:`,
}

function failure(code: string, path: Buffer, cause?: unknown): HostFileError {
  return new HostFileError(code, REASONS[code] ?? 'cannot read', printable(path.toString('utf8'), 200), { cause })
}
