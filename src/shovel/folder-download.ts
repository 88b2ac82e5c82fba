/**
 * `fs.download`: what a folder holds becomes a tar stream to the host, in the order of names, so that the same content
 * gives the same bytes. Hard links are sent as files of their own; sockets, FIFOs, devices and what has a name that is not
 * UTF-8 are left out and counted. With globs only what they select is sent; the host judges each entry again.
 */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  type Stats,
} from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Header, Pack } from 'tar-stream'
import { compileSelection, type SelectedPath } from '../glob/index.js'
import { errnoError } from './control-error.js'
import { fileType } from './files.js'
import type { SentStream } from './sent-stream.js'

const READ_BYTES = 256 * 1024
/** For so long at most the walk keeps the event loop to itself: the host must get its answers to pings meanwhile. */
const TURN_MS = 10

type EntryHeader = Partial<Header> & Pick<Header, 'name'>

/** A folder in whose entries all is selected. */
const EVERYTHING = compileSelection(['.'])

/**
 * `fs.download`. `select` are globs of what is wanted, by default everything.
 * @returns counts, when all is queued. `skipped` are the entries that an archive cannot hold.
 */
export async function download(sent: SentStream, { path, select }: { path: string; select?: readonly string[] }) {
  const { pack } = await import('tar-stream')
  const archive = pack()
  try {
    const ended = new Promise<void>((resolve, reject) => {
      archive.on('data', (chunk) => sent.push(chunk as Buffer))
      archive.on('end', resolve)
      archive.on('error', reject)
    })
    // Awaited only when all entries are in; what fails before is thrown where it fails.
    ended.catch(() => undefined)
    const counts = { entries: 0, bytes: 0, skipped: 0 }
    let turnStart = performance.now()
    for (const found of walk(path, '', select === undefined ? EVERYTHING : compileSelection(select))) {
      if (performance.now() - turnStart > TURN_MS) {
        await nextTurn()
        turnStart = performance.now()
      }
      await sent.ready()
      if (found === null) continue
      const { name, path: full, stats } = found
      const size = stats === null ? null : await addEntry(archive, sent, name, full, stats)
      if (size === null) counts.skipped += 1
      else counts.entries += 1
      counts.bytes += size ?? 0
    }
    archive.finalize()
    await ended
    sent.end()
    return counts
  } catch (error) {
    sent.fail()
    archive.destroy()
    throw error
  }
}

/** What stands in a name for bytes that are no UTF-8; such a name leads to no file any more. */
const REPLACEMENT = '\ufffd'

/** One entry of a walk; `stats` is `null` when its name cannot be told. */
interface Found {
  readonly name: string
  readonly path: string
  readonly stats: Stats | null
}

/** Gives `null` for what is passed by, so that whoever asks can rest there. */
function* walk(folder: string, prefix: string, at: SelectedPath): Generator<Found | null> {
  for (const base of readdirSync(folder).sort()) {
    const path = `${folder}/${base}`
    const here = at.child(base)
    if (!here.selected && !here.canHold) {
      yield null
      continue
    }
    const name = prefix + base
    const stats = lstatSync(path, { throwIfNoEntry: false })
    // Removed since the folder was read: not in the archive, as if it had been removed before.
    if (stats === undefined) {
      if (base.includes(REPLACEMENT)) yield { name, path, stats: null }
      continue
    }
    yield here.selected ? { name, path, stats } : null
    if (here.canHold && stats.isDirectory()) yield* walk(path, `${name}/`, here)
  }
}

/** @returns the bytes of the file, 0 for a folder or link, `null` when the entry was left out. */
async function addEntry(
  archive: Pack,
  sent: SentStream,
  name: string,
  path: string,
  stats: Stats,
): Promise<number | null> {
  const common = { name, mode: stats.mode & 0o7777, mtime: stats.mtime, uid: 0, gid: 0 }
  const type = fileType(stats)
  if (type === 'directory') await put(archive, { ...common, type })
  else if (type === 'symlink') await put(archive, { ...common, type, linkname: readlinkSync(path) })
  else if (type === 'file') return addFile(archive, sent, common, path)
  else return null
  return 0
}

async function addFile(archive: Pack, sent: SentStream, header: EntryHeader, path: string): Promise<number | null> {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY)
  try {
    const stats = fstatSync(fd)
    if (!stats.isFile()) return null
    const { size } = stats
    if (size <= READ_BYTES) {
      await put(archive, { ...header, size, type: 'file' }, readPart(fd, size))
      return size
    }
    const entry = archive.entry({ ...header, size, type: 'file' })
    for (let left = size; left > 0; left -= READ_BYTES) {
      await sent.ready()
      const chunk = readPart(fd, Math.min(left, READ_BYTES))
      if (!entry.write(chunk)) await new Promise<void>((resolve) => entry.once('drain', resolve))
    }
    await new Promise<void>((resolve) => entry.on('close', resolve).end(null))
    return size
  } finally {
    closeSync(fd)
  }
}

/** The header has promised a size: a file that shrinks while it is read is an error, one that grows is cut. */
function readPart(fd: number, length: number): Buffer {
  const part = Buffer.allocUnsafe(length)
  for (let offset = 0; offset < length;) {
    const count = readSync(fd, part, offset, length - offset, null)
    if (count === 0) throw errnoError('EBUSY', 'read', 'the file shrank while it was read')
    offset += count
  }
  return part
}

function put(archive: Pack, header: EntryHeader, content?: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    archive.entry(header, content ?? Buffer.alloc(0), (error) => (error ? reject(error) : resolve()))
  })
}
