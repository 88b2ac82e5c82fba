/**
 * `fs.upload`: a tar stream from the host becomes files below a folder.
 *
 * Small files are written with synchronous calls: on the memory file systems of a sandbox one such write takes less
 * time than a round trip to the thread pool, and the loop turns between chunks. Large ones are written as they arrive.
 */
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  linkSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import type { Extract, Header } from 'tar-stream'
import type { ReceivedStream } from './received-stream.js'

/** One entry of the archive: its header, and its content as a stream. */
type Source = Extract extends AsyncIterable<infer T> ? T : never

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW

/** `fs.upload`. @returns the number of entries and the bytes of the files. */
export async function upload(received: ReceivedStream, { path }: { path: string }) {
  try {
    const { extract } = await import('tar-stream')
    const archive = extract()
    const feeding = feed(received, archive)
    const target = new UploadTarget(path)
    try {
      for await (const entry of archive) await target.add(entry)
    } finally {
      archive.destroy()
      await feeding
    }
    return target.finish()
  } catch (error) {
    received.cancel()
    throw error
  }
}

/** Never rejects: what goes wrong destroys the archive, whose reader reports it. */
async function feed(received: ReceivedStream, archive: Extract) {
  try {
    for await (const chunk of received) {
      if (!archive.write(chunk))
        await new Promise<void>((resolve) => archive.once('drain', () => resolve()).once('close', () => resolve()))
    }
    archive.end(null)
  } catch (error) {
    archive.destroy(error as Error)
  }
}

class UploadTarget {
  readonly #root: string
  readonly #made = new Set<string>()
  readonly #folderModes: [path: string, mode: number][] = []
  #entries = 0
  #bytes = 0

  constructor(root: string) {
    this.#root = root
    this.#makeFolder(root)
  }

  async add(entry: Source): Promise<void> {
    const { header } = entry
    const path = join(this.#root, join('/', header.name))
    this.#entries += 1
    if (header.type === 'file' || header.type === 'contiguous-file') return this.#writeFile(path, entry)
    entry.resume()
    this.#addOther(path, header)
  }

  /** Folders get their modes last: one without write permission could take no files. */
  finish(): { entries: number; bytes: number } {
    for (const [path, mode] of this.#folderModes.reverse()) chmodSync(path, mode)
    return { entries: this.#entries, bytes: this.#bytes }
  }

  #addOther(path: string, header: Header): void {
    if (header.type === 'directory') {
      this.#makeFolder(path)
      if (path !== this.#root && header.mode !== undefined) this.#folderModes.push([path, header.mode & 0o7777])
      return
    }
    this.#makeFolder(dirname(path))
    const linkname = header.linkname ?? ''
    if (header.type === 'symlink') replace(path, () => symlinkSync(linkname, path))
    else if (header.type === 'link') replace(path, () => linkSync(join(this.#root, join('/', linkname)), path))
  }

  async #writeFile(path: string, entry: Source): Promise<void> {
    this.#makeFolder(dirname(path))
    const fd = replace(path, () => openSync(path, CREATE, 0o600))
    try {
      for await (const chunk of entry as AsyncIterable<Buffer>) {
        for (let offset = 0; offset < chunk.length;) offset += writeSync(fd, chunk, offset)
        this.#bytes += chunk.length
      }
      fchmodSync(fd, (entry.header.mode ?? 0o644) & 0o7777)
    } finally {
      closeSync(fd)
    }
  }

  #makeFolder(path: string): void {
    if (this.#made.has(path)) return
    mkdirSync(path, { recursive: true })
    this.#made.add(path)
  }
}

/** Takes the place of whatever is there, as tar(1) does, without following or opening it. */
function replace<T>(path: string, create: () => T): T {
  try {
    return create()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    rmSync(path, { recursive: true, force: true })
    return create()
  }
}
