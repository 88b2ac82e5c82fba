/**
 * `sandbox.fs`: files of the guest, shaped like `node:fs/promises`.
 *
 * Everything goes through the supervisor over the channel: the engine's own archive endpoint does not see tmpfs and is
 * refused on a read-only root. Paths are the guest's; they are resolved inside and cannot reach the host.
 */
import { Readable } from 'node:stream'
import { CapacityError } from '../errors.js'
import {
  emptyResultSchema,
  fileReadResultSchema,
  fileReaddirResultSchema,
  fileStatResultSchema,
  transferResultSchema,
  type FileStat,
} from '../protocol/index.js'
import {
  parseArchive,
  parseArchiveOptions,
  parseDownloadOptions,
  parseFileData,
  parseGuestPath,
  parseHostFolder,
  parseMakeFolderOptions,
  parseReadFileOptions,
  parseRemoveOptions,
  parseTransferOptions,
  parseWriteFileOptions,
  type ArchiveOptions,
  type DownloadOptions,
  type FileData,
  type MakeFolderOptions,
  type ReadFileOptions,
  type RemoveOptions,
  type TransferOptions,
  type WriteFileOptions,
} from '../options/index.js'
import { EntryCount } from './archive-rules.js'
import { extractArchive } from './extract-archive.js'
import { FileRequests, type FileSession } from './file-requests.js'
import { packFolder } from './pack-folder.js'
import { repackArchive } from './repack-archive.js'

/** One entry of a folder. */
export interface DirectoryEntry {
  readonly name: string
  readonly type: FileStat['type']
}

/** What an upload or download moved. */
export interface TransferReport {
  readonly entries: number
  readonly bytes: number
  /** Sockets, FIFOs and devices, which are never moved, and in a download what has a name that is not UTF-8. */
  readonly skipped: number
}

/**
 * Every method throws {@link InvalidOptionsError} for wrong arguments, {@link GuestFileError} with an errno name as `code`
 * for what fails inside, and {@link SandboxExitedError} when the sandbox ends first.
 */
export class SandboxFileSystem {
  readonly #requests: FileRequests

  /** @internal */
  constructor(session: FileSession) {
    this.#requests = new FileRequests(session)
  }

  /**
   * Reads a regular file.
   * @throws {CapacityError} when the file is larger than `maxBytes`, by default 64 MiB.
   */
  async readFile(
    path: string,
    options: (ReadFileOptions & { readonly encoding: BufferEncoding }) | BufferEncoding,
  ): Promise<string>
  async readFile(path: string, options?: ReadFileOptions & { readonly encoding?: null }): Promise<Buffer>
  async readFile(path: string, options?: ReadFileOptions | BufferEncoding): Promise<string | Buffer> {
    const { encoding, maxBytes, signal } = parseReadFileOptions(options)
    const params = { path: parseGuestPath(path) }
    const read = (stream: Readable): Promise<Buffer> => collect(stream, maxBytes)
    const [, bytes] = await this.#requests.receive('fs.readFile', params, fileReadResultSchema, signal, read)
    return encoding === null ? bytes : bytes.toString(encoding)
  }

  /** Writes a regular file; what it held is replaced, unless `append`. */
  async writeFile(path: string, data: FileData, options?: WriteFileOptions): Promise<void> {
    const { mode, append, signal } = parseWriteFileOptions(options)
    const params = { path: parseGuestPath(path), mode, append }
    await this.#requests.send('fs.writeFile', params, emptyResultSchema, signal, sourceOf(parseFileData(data)))
  }

  /** Adds to a file, which is made if missing. */
  async appendFile(path: string, data: FileData, options?: Omit<WriteFileOptions, 'append'>): Promise<void> {
    await this.writeFile(path, data, { ...options, append: true })
  }

  /** Makes a folder. `recursive` makes its parents too and accepts one that is there. */
  async mkdir(path: string, options?: MakeFolderOptions): Promise<void> {
    const { recursive, mode } = parseMakeFolderOptions(options)
    await this.#requests.call('fs.mkdir', { path: parseGuestPath(path), recursive, mode }, emptyResultSchema)
  }

  /** Names and kinds of what a folder holds, sorted by name; at most 100,000. */
  async readdir(path: string): Promise<readonly DirectoryEntry[]> {
    const { entries } = await this.#requests.call('fs.readdir', { path: parseGuestPath(path) }, fileReaddirResultSchema)
    return entries
  }

  /** Facts about a file; links are followed. */
  async stat(path: string): Promise<FileStat> {
    const params = { path: parseGuestPath(path), followLinks: true }
    return this.#requests.call('fs.stat', params, fileStatResultSchema)
  }

  /** Facts about a file or a link itself. */
  async lstat(path: string): Promise<FileStat> {
    const params = { path: parseGuestPath(path), followLinks: false }
    return this.#requests.call('fs.stat', params, fileStatResultSchema)
  }

  /** Removes a file, or with `recursive` a tree. `force`: it is no error when it is not there. */
  async rm(path: string, options?: RemoveOptions): Promise<void> {
    const { recursive, force } = parseRemoveOptions(options)
    await this.#requests.call('fs.rm', { path: parseGuestPath(path), recursive, force }, emptyResultSchema)
  }

  /**
   * What `hostFolder` holds becomes what `guestFolder` holds, which is made if missing. Modes are kept, links stay links.
   * @throws {InvalidOptionsError} when `hostFolder` is no folder that can be read. {@link HostFileError} for what is in it.
   * {@link CapacityError} when it holds more than the caps; what was sent before stays.
   */
  async upload(hostFolder: string, guestFolder: string, options?: TransferOptions): Promise<TransferReport> {
    const { signal, ...limits } = parseTransferOptions(options)
    const params = { path: parseGuestPath(guestFolder) }
    const archive = packFolder(parseHostFolder(hostFolder), limits)
    const sent = await this.#requests.send('fs.upload', params, transferResultSchema, signal, archive.stream)
    return { entries: sent.entries, bytes: sent.bytes, skipped: archive.skipped() }
  }

  /**
   * What a tar archive holds, plain or gzipped, becomes what `guestFolder` holds, which is made if missing. Names, nine bits
   * of the mode, times and links are kept; owners, special bits and extended attributes are not. Each entry is checked on this
   * host before it goes in. The stream is read to its end or destroyed.
   * @throws {UnsafeArchiveError} for an entry with an absolute name, with `..`, that passes through a link, a link that leads
   * out, a device, a FIFO, more than the caps, and for what is no archive or ends early. What was sent before stays. The
   * stream's own error when it fails.
   */
  async uploadArchive(archive: Readable, guestFolder: string, options?: ArchiveOptions): Promise<TransferReport> {
    const { signal, ...limits } = parseArchiveOptions(options)
    const params = { path: parseGuestPath(guestFolder) }
    const checked = repackArchive(parseArchive(archive), new EntryCount(limits))
    const sent = await this.#requests.send('fs.upload', params, transferResultSchema, signal, checked)
    return { entries: sent.entries, bytes: sent.bytes, skipped: 0 }
  }

  /**
   * A tar archive that this package wrote itself goes in as it is.
   * @internal
   */
  async uploadPacked(archive: Readable, guestFolder: string, signal: AbortSignal | null): Promise<TransferReport> {
    const params = { path: parseGuestPath(guestFolder) }
    const sent = await this.#requests.send('fs.upload', params, transferResultSchema, signal, archive)
    return { entries: sent.entries, bytes: sent.bytes, skipped: 0 }
  }

  /**
   * What `guestFolder` holds is written below `hostFolder`, which is made if missing.
   * @throws {UnsafeArchiveError} when the guest sends an entry that leads out of `hostFolder`, a device, or more than the
   * caps. {@link HostFileError} when the host cannot write.
   */
  async download(guestFolder: string, hostFolder: string, options?: DownloadOptions): Promise<TransferReport> {
    const { signal, ...limits } = parseDownloadOptions(options)
    const params = { path: parseGuestPath(guestFolder) }
    const target = parseHostFolder(hostFolder)
    const extract = (stream: Readable) => extractArchive(stream, target, limits)
    const [sent, written] = await this.#requests.receive('fs.download', params, transferResultSchema, signal, extract)
    return { ...written, skipped: sent.skipped }
  }

  /**
   * Has `consume` read the tar of what `guestFolder` holds, as it comes from the guest and unchecked: whoever reads it must
   * bound and judge all of it, also that it was asked for.
   * @param options.select - globs of what is wanted, by default everything
   * @returns what `consume` gave, and how many entries an archive could not hold
   * @internal
   */
  async downloadArchive<T>(
    guestFolder: string,
    consume: (archive: Readable) => Promise<T>,
    options: { readonly select?: readonly string[]; readonly signal?: AbortSignal | null } = {},
  ): Promise<{ readonly consumed: T; readonly skipped: number }> {
    const { select, signal = null } = options
    const params = { path: parseGuestPath(guestFolder), ...(select === undefined ? {} : { select }) }
    const [sent, consumed] = await this.#requests.receive('fs.download', params, transferResultSchema, signal, consume)
    return { consumed, skipped: sent.skipped }
  }
}

function sourceOf(data: FileData): Readable {
  if (data instanceof Readable) return data
  if (typeof data === 'string') return Readable.from([Buffer.from(data)])
  if (data instanceof Uint8Array) return Readable.from([Buffer.from(data.buffer, data.byteOffset, data.byteLength)])
  return Readable.from(data)
}

async function collect(stream: Readable, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let total = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    total += chunk.length
    if (total > maxBytes) {
      throw new CapacityError(`the file is larger than maxBytes (${maxBytes}): use fs.download, or a larger maxBytes`, {
        details: { maxBytes },
        retryable: false,
      })
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
