/** Entries of layers that are made of files of this host: programs, libraries, what the build made for the guest. */
import { realpathSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { ImageError } from '../errors.js'
import { contentKey } from './content-key.js'
import { fileIdentity } from './file-identity.js'
import { printable } from '../printable.js'
import { buildLayer, type Layer, type LayerEntry } from './tar-layer.js'

const READ_BYTES = 256 * 1024

/** A layer whose content is known to be unchanged while `fingerprint` is. */
export interface HostLayer extends Layer {
  /** Changes whenever one of the files on this host may have changed. */
  readonly fingerprint: string
  /** The youngest change of any of the files, in milliseconds since the epoch. */
  readonly changedAtMs: number
}

/** An entry together with the file that it comes from. */
export interface HostEntry extends LayerEntry {
  readonly source?: string | undefined
}

/**
 * A regular file, owned by root, streamed from `source` with links resolved. It must stay as it is now: what was planned
 * with one content is never made with another.
 */
export function hostFile(path: string, source: string, mode: number): HostEntry {
  const real = realpathSync(source)
  const planned = statSync(real, { bigint: true })
  return {
    ...rootOwned(path, 'file', mode),
    size: Number(planned.size),
    source: real,
    async *content() {
      const handle = await open(real)
      try {
        const now = await handle.stat({ bigint: true })
        if (fileIdentity(now) !== fileIdentity(planned)) {
          throw new ImageError(`${printable(real)} changed while an image was made of it. Try again.`, {
            retryable: true,
          })
        }
        yield* handle.createReadStream({ highWaterMark: READ_BYTES, autoClose: false }) as AsyncIterable<Buffer>
      } finally {
        await handle.close()
      }
    },
  }
}

/** A regular file, owned by root, with content from memory; `source` is the file that the content was made from. */
export function memoryFile(path: string, content: Buffer | string, mode: number, source?: string): HostEntry {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content
  return { ...rootOwned(path, 'file', mode), size: bytes.length, source, content: () => bytes }
}

/** Folders, each owned by root. */
export function folders(paths: readonly string[], mode = 0o755): HostEntry[] {
  return paths.map((path) => rootOwned(path, 'directory', mode))
}

/**
 * A symbolic link, owned by root.
 * @param target - written as it is, never followed here
 */
export function symlink(path: string, target: string): HostEntry {
  return { ...rootOwned(path, 'symlink', 0o777), link: Buffer.from(target) }
}

/** One file under several names: the first name in the archive's order is the file, the others are hard links to it. */
export function hardLinked(paths: readonly string[], make: (path: string) => HostEntry): HostEntry[] {
  const [first, ...others] = [...paths].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  if (first === undefined) return []
  const file = make(first)
  return [file, ...others.map((path) => ({ ...rootOwned(path, 'hardlink', file.mode), link: Buffer.from(first) }))]
}

/** A layer of files of this host, with a fingerprint of what they were made from. */
export function buildHostLayer(entries: readonly HostEntry[]): HostLayer {
  let changedAtMs = 0
  const facts = entries.flatMap((entry) => {
    const named = [
      entry.path.toString('latin1'),
      entry.type,
      entry.mode,
      entry.size,
      entry.link?.toString('latin1') ?? '',
    ]
    if (entry.source === undefined) return [...named, contentOf(entry)]
    const stat = statSync(entry.source, { bigint: true })
    changedAtMs = Math.max(changedAtMs, Number(stat.mtimeMs), Number(stat.ctimeMs))
    return [...named, entry.source, fileIdentity(stat)]
  })
  return { ...buildLayer(entries), fingerprint: contentKey('host', ...facts), changedAtMs }
}

function contentOf(entry: HostEntry): string {
  const content = entry.content?.()
  return Buffer.isBuffer(content) ? content.toString('latin1') : ''
}

function rootOwned(path: string, type: HostEntry['type'], mode: number): HostEntry {
  return { path: Buffer.from(path), type, mode, uid: 0, gid: 0, size: 0 }
}
