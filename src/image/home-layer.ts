/**
 * A home as an image layer at `/`: owned by the user's mapped uid and gid, without setuid, setgid and sticky bits, extended
 * attributes and times. Links stay links; hard links become files of their own; holes become zeros.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { HomeError } from '../errors.js'
import { fileIdentity } from './file-identity.js'
import { changedMeanwhile, fileError } from './home-errors.js'
import type { HomeFile, HomeTree } from './home-walk.js'
import { printable } from '../printable.js'
import { buildLayer, type Layer, type LayerEntry } from './tar-layer.js'

/** Where a home goes and to whom it belongs there. */
export interface HomePlacement {
  readonly uid: number
  readonly gid: number
  /** Links of the base from a path to a folder, relative to `/`; `null` when they are not known. */
  readonly links: Readonly<Record<string, string>> | null
}

/** Up to this size a file is read in one go without leaving the thread, which takes a tenth of the time. */
const SMALL_FILE_BYTES = 128 * 1024
const READ_BYTES = 256 * 1024
/** `O_NONBLOCK`, so that a fifo that took the file's place does not hold the open. */
const OPEN_FILE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

/** Folders that are links on most systems and would be replaced, with all programs in them, by a folder of a home. */
const COMMON_LINKS = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32']

/**
 * Files are opened when the layer is; one that is not the same as when the home was listed ends that with a retryable error.
 *
 * @throws {HomeError} when two files would go to the same place.
 */
export function buildHomeLayer(tree: HomeTree, placement: HomePlacement): Layer {
  const entries = new Map<string, LayerEntry>()
  const links = baseLinks(placement.links)
  for (const file of tree.files) {
    const path = file.path.toString('latin1')
    if (placement.links === null) assertNoCommonLink(tree.home, file, path)
    const link = links.find(
      ({ from }) => path.startsWith(from) && (path.length === from.length || path[from.length] === '/'),
    )
    if (link === undefined || (path === link.from && file.type !== 'directory')) {
      if (link?.target !== undefined && normalizedLink(file.link) === link.target) continue
      addEntry(entries, tree.home, path, toEntry(tree.home, file, file.path, placement))
      continue
    }
    for (const parent of link.parents) {
      const existing = entries.get(parent) ?? folder(parent, 0, 0)
      if (existing.type !== 'directory') throw samePlace(tree.home, Buffer.from(parent, 'latin1'))
      entries.set(parent, existing)
    }
    const target = link.target + path.slice(link.from.length)
    addEntry(entries, tree.home, target, toEntry(tree.home, file, Buffer.from(target, 'latin1'), placement))
  }
  return buildLayer([...entries.values()])
}

interface BaseLink {
  readonly from: string
  readonly target: string
  /**
   * The target and the folders above it. They come along, since a layer without them would make new ones that only root
   * can enter.
   */
  readonly parents: readonly string[]
}

/**
 * The links of the base to folders, the longest first: with `bin -> usr/bin` in the base, a home's `bin/tool` goes to
 * `usr/bin/tool`; a folder `bin` in the layer would take the place of the link and hide all programs of the base.
 */
function baseLinks(links: HomePlacement['links']): BaseLink[] {
  return Object.entries(links ?? {})
    .sort(([a], [b]) => b.length - a.length)
    .map(([from, target]) => {
      const parts = target.split('/')
      return { from, target, parents: parts.map((_, index) => parts.slice(0, index + 1).join('/')) }
    })
}

function addEntry(entries: Map<string, LayerEntry>, home: string, path: string, entry: LayerEntry): void {
  const existing = entries.get(path)
  if (existing !== undefined && !(existing.type === 'directory' && entry.type === 'directory')) {
    throw samePlace(home, entry.path)
  }
  entries.set(path, entry)
}

function assertNoCommonLink(home: string, file: HomeFile, path: string): void {
  if (file.type === 'symlink' || !COMMON_LINKS.includes(path)) return
  throw new HomeError(
    `The home ${printable(home)} has /${path}, and this driver cannot tell whether it would replace the base's. ` +
      `Use usr/${path} instead.`,
    { details: { home, path } },
  )
}

function samePlace(home: string, path: Buffer): HomeError {
  return new HomeError(
    `Two entries of the home ${printable(home)} go to /${printable(path)}, because the base has a link there.`,
    { details: { home, path: printable(path) } },
  )
}

function normalizedLink(link: Buffer | null): string {
  return (link ?? '').toString('latin1').replace(/^\/+|\/+$/g, '')
}

function folder(path: string, uid: number, gid: number): LayerEntry {
  return { path: Buffer.from(path, 'latin1'), type: 'directory', mode: 0o755, uid, gid, size: 0 }
}

function toEntry(home: string, file: HomeFile, path: Buffer, { uid, gid }: HomePlacement): LayerEntry {
  const common = { path, type: file.type, mode: file.type === 'symlink' ? 0o777 : file.mode, uid, gid, size: file.size }
  if (file.type === 'symlink') return { ...common, link: file.link ?? Buffer.alloc(0) }
  if (file.type === 'directory' || file.size === 0) return common
  return {
    ...common,
    content: () => (file.size <= SMALL_FILE_BYTES ? readSmall(home, file) : readLarge(home, file)),
  }
}

/** The path is resolved anew here; the identity from the listing is what proves that it is still the same file. */
function hostPath(home: string, file: HomeFile): Buffer {
  return Buffer.concat([Buffer.from(`${home}/`), file.path])
}

function readSmall(home: string, file: HomeFile): Buffer {
  let descriptor: number | null = null
  try {
    descriptor = openSync(hostPath(home, file), OPEN_FILE)
    if (fileIdentity(fstatSync(descriptor, { bigint: true })) !== file.identity) throw changedMeanwhile(home, file.path)
    const content = Buffer.allocUnsafe(file.size)
    for (let filled = 0; filled < file.size;) {
      const count = readSync(descriptor, content, filled, file.size - filled, filled)
      if (count === 0) throw changedMeanwhile(home, file.path)
      filled += count
    }
    if (fileIdentity(fstatSync(descriptor, { bigint: true })) !== file.identity) throw changedMeanwhile(home, file.path)
    return content
  } catch (error) {
    throw fileError(home, file.path, error)
  } finally {
    if (descriptor !== null) closeSync(descriptor)
  }
}

async function* readLarge(home: string, file: HomeFile): AsyncGenerator<Buffer> {
  // The types of `open` leave out that paths may be buffers; names need not be UTF-8.
  const handle = await open(hostPath(home, file), OPEN_FILE).catch((error: unknown) => {
    throw fileError(home, file.path, error)
  })
  try {
    const assertSame = async (): Promise<void> => {
      if (fileIdentity(await handle.stat({ bigint: true })) !== file.identity) throw changedMeanwhile(home, file.path)
    }
    await assertSame()
    for (let position = 0; position < file.size;) {
      const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, file.size - position))
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, position)
      if (bytesRead === 0) throw changedMeanwhile(home, file.path)
      position += bytesRead
      yield buffer.subarray(0, bytesRead)
    }
    await assertSame()
  } catch (error) {
    throw fileError(home, file.path, error)
  } finally {
    await handle.close()
  }
}
