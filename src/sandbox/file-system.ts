/**
 * `sandbox.fs`: files of the guest, shaped like `node:fs/promises`.
 *
 * Everything goes through the supervisor over the channel: the engine's own archive endpoint does not see tmpfs and is
 * refused on a read-only root. Paths are the guest's; they are resolved inside and cannot reach the host.
 */
import { pipeline } from 'node:stream/promises'
import { Readable } from 'node:stream'
import { CapacityError, GuestFileError, RpcError } from '../errors.js'
import {
  CONTROL_ERROR_FILE,
  fileErrorSchema,
  fileReadResultSchema,
  fileReaddirResultSchema,
  fileStatResultSchema,
  transferResultSchema,
  type FileStat,
} from '../protocol/index.js'
import { parseGuestPath } from '../options/index.js'
import type { Channel } from './channel.js'
import type { StreamIds } from './commands.js'
import { extractArchive } from './extract-archive.js'
import { packFolder } from './pack-folder.js'
import { openReadable, openWritable } from './streams.js'

/** How much `readFile` takes unless told otherwise: what a guest writes must not fill the host's memory. */
export const DEFAULT_READ_BYTES = 64 * 1024 * 1024

export interface DirectoryEntry {
  readonly name: string
  readonly type: FileStat['type']
}

/** What an upload or download moved. */
export interface TransferReport {
  readonly entries: number
  readonly bytes: number
  /** Sockets, FIFOs and devices, which are never moved. */
  readonly skipped: number
}

export class SandboxFileSystem {
  readonly #session: () => { readonly channel: Channel; readonly streamIds: StreamIds }

  /** @internal */
  constructor(session: () => { readonly channel: Channel; readonly streamIds: StreamIds }) {
    this.#session = session
  }

  /**
   * Reads a regular file.
   * @param options.maxBytes - the most that is read; default 64 MiB.
   * @throws {CapacityError} when the file is larger than `maxBytes`. {@link GuestFileError} with an errno name as `code`.
   */
  async readFile(
    path: string,
    options: { readonly encoding: BufferEncoding; readonly maxBytes?: number } | BufferEncoding,
  ): Promise<string>
  async readFile(path: string, options?: { readonly encoding?: null; readonly maxBytes?: number }): Promise<Buffer>
  async readFile(
    path: string,
    options: { readonly encoding?: BufferEncoding | null; readonly maxBytes?: number } | BufferEncoding = {},
  ): Promise<string | Buffer> {
    const { encoding = null, maxBytes = DEFAULT_READ_BYTES } =
      typeof options === 'string' ? { encoding: options } : options
    const { channel, streamIds } = this.#session()
    const stream = streamIds.next()
    const content = openReadable(channel.multiplexer, stream)
    const chunks: Buffer[] = []
    let total = 0
    const collected = (async () => {
      for await (const chunk of content as AsyncIterable<Buffer>) {
        total += chunk.length
        if (total > maxBytes)
          throw new CapacityError(
            `the file is larger than maxBytes (${maxBytes}): use fs.download, or a larger maxBytes`,
          )
        chunks.push(chunk)
      }
    })()
    const request = this.#request(channel, 'fs.readFile', { path: parseGuestPath(path), stream })
    try {
      const [result] = await Promise.all([request, collected])
      fileReadResultSchema.parse(result)
    } catch (error) {
      content.destroy()
      await collected.catch(() => undefined)
      throw error
    }
    const bytes = Buffer.concat(chunks)
    return encoding === null ? bytes : bytes.toString(encoding)
  }

  /**
   * Writes a regular file; what it held is replaced, unless `append`.
   * @param options.mode - permission bits of a new file; default 0o644.
   */
  async writeFile(
    path: string,
    data: string | Uint8Array | Readable,
    options: { readonly mode?: number; readonly append?: boolean } = {},
  ): Promise<void> {
    const { mode = 0o644, append = false } = options
    const source =
      data instanceof Readable
        ? data
        : Readable.from([
            typeof data === 'string' ? Buffer.from(data) : Buffer.from(data.buffer, data.byteOffset, data.byteLength),
          ])
    await this.#send('fs.writeFile', { path: parseGuestPath(path), mode, append }, source)
  }

  /** Adds to a file, which is made if missing. */
  async appendFile(path: string, data: string | Uint8Array): Promise<void> {
    await this.writeFile(path, data, { append: true })
  }

  /** Makes a folder. `recursive` makes its parents too and accepts one that is there. */
  async mkdir(path: string, options: { readonly recursive?: boolean; readonly mode?: number } = {}): Promise<void> {
    const { recursive = false, mode = 0o777 } = options
    await this.#call('fs.mkdir', { path: parseGuestPath(path), recursive, mode })
  }

  /** Names and kinds of what a folder holds, sorted by name. */
  async readdir(path: string): Promise<readonly DirectoryEntry[]> {
    return fileReaddirResultSchema.parse(await this.#call('fs.readdir', { path: parseGuestPath(path) })).entries
  }

  /** Facts about a file; links are followed. */
  async stat(path: string): Promise<FileStat> {
    return fileStatResultSchema.parse(await this.#call('fs.stat', { path: parseGuestPath(path), followLinks: true }))
  }

  /** Facts about a file or a link itself. */
  async lstat(path: string): Promise<FileStat> {
    return fileStatResultSchema.parse(await this.#call('fs.stat', { path: parseGuestPath(path), followLinks: false }))
  }

  /** Removes a file, or with `recursive` a tree. `force`: it is no error when it is not there. */
  async rm(path: string, options: { readonly recursive?: boolean; readonly force?: boolean } = {}): Promise<void> {
    const { recursive = false, force = false } = options
    await this.#call('fs.rm', { path: parseGuestPath(path), recursive, force })
  }

  /**
   * What `hostFolder` holds becomes what `guestFolder` holds, which is made if missing. Modes are kept, links stay links.
   * @throws {InvalidOptionsError} when `hostFolder` is no folder that can be read.
   */
  async upload(hostFolder: string, guestFolder: string): Promise<TransferReport> {
    const path = parseGuestPath(guestFolder)
    const archive = await packFolder(hostFolder)
    const result = transferResultSchema.parse(await this.#send('fs.upload', { path }, archive.stream))
    return { entries: result.entries, bytes: result.bytes, skipped: archive.skipped() }
  }

  /**
   * What `guestFolder` holds is written below `hostFolder`, which is made if missing.
   * @throws {UnsafeArchiveError} when the guest sends an entry that leads out of `hostFolder`, a device, or more than the caps.
   */
  async download(
    guestFolder: string,
    hostFolder: string,
    options: { readonly maxBytes?: number; readonly maxEntries?: number } = {},
  ): Promise<TransferReport> {
    const path = parseGuestPath(guestFolder)
    const { channel, streamIds } = this.#session()
    const stream = streamIds.next()
    const archive = openReadable(channel.multiplexer, stream)
    const extracted = extractArchive(archive, hostFolder, options)
    const request = this.#request(channel, 'fs.download', { path, stream })
    try {
      const [written, sent] = await Promise.all([extracted, request])
      return { ...written, skipped: transferResultSchema.parse(sent).skipped }
    } catch (error) {
      archive.destroy()
      await Promise.allSettled([extracted, request])
      throw error
    }
  }

  async #call(method: string, params: Record<string, unknown>): Promise<unknown> {
    const { channel } = this.#session()
    return this.#request(channel, method, params)
  }

  async #send(method: string, params: Record<string, unknown>, source: Readable): Promise<unknown> {
    const { channel, streamIds } = this.#session()
    const stream = streamIds.next()
    const target = openWritable(channel.multiplexer, stream)
    const sent = pipeline(source, target)
    const request = this.#request(channel, method, { ...params, stream })
    try {
      const [result] = await Promise.all([request, sent])
      return result
    } catch (error) {
      target.destroy()
      source.destroy()
      await Promise.allSettled([request, sent])
      throw await request.then(
        () => error,
        (requestError: unknown) => requestError,
      )
    }
  }

  async #request(channel: Channel, method: string, params: Record<string, unknown>): Promise<unknown> {
    try {
      return await channel.control.call(method, params)
    } catch (error) {
      if (!(error instanceof RpcError) || error.rpcCode !== CONTROL_ERROR_FILE) throw error
      const failure = fileErrorSchema.safeParse(error.data)
      if (!failure.success) throw error
      throw new GuestFileError(failure.data.errno, failure.data.syscall, failure.data.path, { cause: error })
    }
  }
}
