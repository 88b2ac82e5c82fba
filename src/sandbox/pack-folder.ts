/** Packs a folder of the host for `upload`. Links are packed as links and never followed. */
import { constants } from 'node:fs'
import { lstat, open, readdir, readlink, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { pack, type Header, type Pack } from 'tar-stream'
import { InvalidOptionsError } from '../errors.js'

/** Files up to this size are read whole, in parallel; larger ones are streamed one by one. */
const SMALL_FILE_BYTES = 256 * 1024

/** Small files read ahead of the archive. Bounds memory to this many times {@link SMALL_FILE_BYTES}. */
const READ_AHEAD = 16

export interface PackedFolder {
  readonly stream: Readable
  /** How many sockets, FIFOs and devices were left out so far. */
  skipped(): number
}

/**
 * @returns a tar stream of what the folder holds, in the order of names.
 * @throws {InvalidOptionsError} when it is no folder that can be read.
 */
export async function packFolder(folder: string): Promise<PackedFolder> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw new InvalidOptionsError(
      `cannot upload '${folder}': ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    )
  })
  const archive = pack({ highWaterMark: 1024 * 1024 })
  let skipped = 0
  const run = async (): Promise<void> => {
    let prepared: Promise<() => Promise<void>>[] = []
    for await (const entry of walk(folder, '', names)) {
      if (entry === null) {
        skipped += 1
        continue
      }
      const step = prepare(archive, folder, entry)
      step.catch(() => undefined)
      prepared.push(step)
      if (prepared.length >= READ_AHEAD) {
        for (const ready of prepared) await (await ready)()
        prepared = []
      }
    }
    for (const ready of prepared) await (await ready)()
    archive.finalize()
  }
  run().catch((error: unknown) => archive.destroy(error instanceof Error ? error : new Error(String(error))))
  return { stream: Readable.from(archive, { objectMode: false, highWaterMark: 1024 * 1024 }), skipped: () => skipped }
}

type EntryHeader = Partial<Header> & Pick<Header, 'name'>

interface Entry {
  readonly name: string
  readonly type: 'file' | 'directory' | 'symlink'
  readonly mode: number
}

async function* walk(root: string, prefix: string, names: readonly string[]): AsyncGenerator<Entry | null> {
  for (const child of [...names].sort()) {
    const name = prefix === '' ? child : `${prefix}/${child}`
    const stats = await lstat(join(root, name))
    const mode = stats.mode & 0o777
    if (stats.isDirectory()) {
      yield { name, type: 'directory', mode }
      yield* walk(root, name, await readdir(join(root, name)))
    } else if (stats.isFile()) yield { name, type: 'file', mode }
    else if (stats.isSymbolicLink()) yield { name, type: 'symlink', mode }
    else yield null
  }
}

/** Opens and reads ahead; the returned step writes to the archive and is run in order. */
async function prepare(archive: Pack, root: string, entry: Entry): Promise<() => Promise<void>> {
  const { name, mode } = entry
  if (entry.type === 'directory') return () => add(archive, { name, mode, type: 'directory' })
  if (entry.type === 'symlink') {
    const linkname = await readlink(join(root, name))
    return () => add(archive, { name, mode, type: 'symlink', linkname })
  }
  const file = await openFile(join(root, name))
  let size: number
  try {
    size = (await file.stat()).size
    if (size <= SMALL_FILE_BYTES) {
      const content = await file.readFile()
      return () => add(archive, { name, mode, type: 'file', size: content.length }, content)
    }
  } finally {
    await file.close()
  }
  return () => stream(archive, { name, mode, type: 'file', size }, join(root, name))
}

/** Opens a regular file; never a link, and never one whose opening could block. */
async function openFile(path: string): Promise<FileHandle> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  if ((await file.stat()).isFile()) return file
  await file.close()
  throw new Error(`'${path}' changed while it was packed`)
}

/** The size in the header is a promise: a file that has grown is cut there, one that has shrunk fails the archive. */
async function stream(archive: Pack, header: EntryHeader & { size: number }, path: string): Promise<void> {
  const file = await openFile(path)
  const sink = archive.entry({ mtime: new Date(0), ...header })
  await pipeline(file.createReadStream({ highWaterMark: SMALL_FILE_BYTES, end: header.size - 1 }), sink)
}

function add(archive: Pack, header: EntryHeader, content?: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    archive.entry({ mtime: new Date(0), ...header }, content ?? '', (error) => (error ? reject(error) : resolve()))
  })
}
