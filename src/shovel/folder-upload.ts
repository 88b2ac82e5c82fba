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
  futimesSync,
  linkSync,
  lstatSync,
  openSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import type { Extract, Header } from 'tar-stream'
import { errnoError } from './control-error.js'
import { makeFolders } from './make-folders.js'
import type { ReceivedStream } from './received-stream.js'

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW

/** `fs.upload`. @returns the number of entries and the bytes of the files. */
export async function upload(received: ReceivedStream, { path }: { path: string }) {
  try {
    const { extract } = await import('tar-stream')
    const archive = extract()
    const target = new UploadTarget(path)
    const extracted = extractTo(target, archive)
    // What goes wrong destroys the archive; `extracted` has the reason.
    const stop = () => received.cancel()
    await Promise.all([extracted.finally(stop), feed(received, archive)])
    return target.finish()
  } catch (error) {
    received.cancel()
    throw error
  }
}

async function feed(received: ReceivedStream, archive: Extract): Promise<void> {
  try {
    for await (const chunk of received) {
      if (archive.destroyed) return
      if (!archive.write(chunk)) {
        await new Promise<void>((resolve) => archive.once('drain', () => resolve()).once('close', () => resolve()))
      }
    }
    archive.end(null)
  } catch (error) {
    archive.destroy(error as Error)
  }
}

/** By events and not by async iteration, which takes several times as long for small files. */
function extractTo(target: UploadTarget, archive: Extract): Promise<void> {
  return new Promise((resolve, reject) => {
    const attempt = (action: () => void) => {
      try {
        action()
      } catch (error) {
        archive.destroy(error as Error)
      }
    }
    archive.on('entry', (header, content, next) => {
      let file: UploadedFile | null = null
      content.on('data', (chunk) => attempt(() => file?.write(chunk as Buffer)))
      content.on('end', () => attempt(() => (file?.finish(), next())))
      content.on('close', () => file?.close())
      // The archive has the same error.
      content.on('error', () => undefined)
      attempt(() => (file = target.add(header)))
    })
    archive.on('error', reject)
    archive.on('close', () => reject(errnoError('EIO', 'read', 'the archive ended early')))
    archive.on('finish', () => resolve())
  })
}

/** A file whose content is being written. */
class UploadedFile {
  readonly #fd: number
  readonly #mode: number
  readonly #seconds: number
  readonly #onWritten: (bytes: number) => void
  #closed = false

  constructor(fd: number, header: Header, onWritten: (bytes: number) => void) {
    this.#fd = fd
    this.#mode = (header.mode ?? 0o644) & 0o7777
    this.#seconds = secondsOf(header)
    this.#onWritten = onWritten
  }

  write(chunk: Buffer): void {
    for (let offset = 0; offset < chunk.length;) offset += writeSync(this.#fd, chunk, offset)
    this.#onWritten(chunk.length)
  }

  finish(): void {
    fchmodSync(this.#fd, this.#mode)
    if (this.#seconds > 0) futimesSync(this.#fd, this.#seconds, this.#seconds)
    this.close()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    closeSync(this.#fd)
  }
}

class UploadTarget {
  readonly #root: string
  readonly #made = new Set<string>()
  readonly #folders: [path: string, mode: number, seconds: number][] = []
  #entries = 0
  #bytes = 0

  constructor(root: string) {
    this.#root = root
    this.#makeFolder(root)
  }

  /** @returns the file to write when it is one. */
  add(header: Header): UploadedFile | null {
    const path = join(this.#root, join('/', header.name))
    this.#entries += 1
    if (header.type === 'file' || header.type === 'contiguous-file') return this.#openFile(path, header)
    this.#addOther(path, header)
    return null
  }

  /** Folders get their modes and times last: one without write permission could take no files, and files change times. */
  finish(): { entries: number; bytes: number } {
    for (const [path, mode, seconds] of this.#folders.reverse()) {
      if (seconds > 0) utimesSync(path, seconds, seconds)
      chmodSync(path, mode)
    }
    return { entries: this.#entries, bytes: this.#bytes }
  }

  #addOther(path: string, header: Header): void {
    if (header.type === 'directory') {
      this.#makeFolder(path)
      if (path !== this.#root && header.mode !== undefined)
        this.#folders.push([path, header.mode & 0o7777, secondsOf(header)])
      return
    }
    this.#makeFolder(dirname(path))
    const linkname = header.linkname ?? ''
    if (header.type === 'symlink') replace(path, () => symlinkSync(linkname, path))
    else if (header.type === 'link') replace(path, () => linkSync(join(this.#root, join('/', linkname)), path))
  }

  #openFile(path: string, header: Header): UploadedFile {
    this.#makeFolder(dirname(path))
    const fd = replace(path, () => openSync(path, CREATE, 0o600))
    return new UploadedFile(fd, header, (bytes) => (this.#bytes += bytes))
  }

  /** Below the root a link to a folder is replaced by one: following it would write to another place. */
  #makeFolder(path: string): void {
    if (this.#made.has(path)) return
    if (path !== this.#root) {
      this.#makeFolder(dirname(path))
      if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true) rmSync(path)
    }
    makeFolders(path)
    this.#made.add(path)
  }
}

/** The time of an entry; 0, which the host writes where it gives none, for the time of the upload. */
function secondsOf({ mtime }: Header): number {
  return Math.floor((mtime?.getTime() ?? 0) / 1000)
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
