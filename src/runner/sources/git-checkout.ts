/**
 * A commit as files of a workspace, with a repository beside them, as one tar stream.
 *
 * Theory of operation. Nothing is checked out on the host: the tree is listed, each name is judged, and the contents go
 * from the object store straight into the stream, byte for byte as they were committed. So no attribute (export-ignore,
 * export-subst, filters, line ends) has a say, and no name of the repository is ever a name on this host. `.git` comes last,
 * when the tree is known to be within its caps: making an index holds all names in memory.
 */
import { EntryCount, refuseEntry, type EntryLimits } from '../../sandbox/archive-rules.js'
import { ByteReader } from '../../sandbox/byte-reader.js'
import type { Git } from './git-command.js'
import { GIT_FOLDERS, gitFiles } from './git-folder.js'
import { ORIGIN, treeEntries, type TreeEntry } from './git-tree.js'
import { TarWriter } from './tar-writer.js'

/** A commit whose tree may go in. */
export interface Checkout {
  readonly commit: string
  readonly count: EntryCount
  /** When it was committed, in seconds since 1970, not later than now: the time of every file. */
  readonly seconds: number
}

/** Contents that are asked for before the first has come; their names fit into a pipe. */
const REQUESTS_AHEAD = 128

const CHUNK_BYTES = 128 * 1024

/** Two blocks of zeros. */
const END = Buffer.alloc(1024)

/**
 * Goes through the tree without reading any content.
 * @throws {UnsafeArchiveError} for a name that may not go in, or more than the caps. {@link SourceError} when git fails.
 */
export async function openCheckout(git: Git, commit: string, limits: EntryLimits): Promise<Checkout> {
  const count = new EntryCount(limits)
  for await (const entry of treeEntries(git, commit)) count.add(entry.size)
  const time = Number((await git.run('log', '-1', '--format=%ct', commit)).toString('latin1'))
  const now = Math.floor(Date.now() / 1000)
  return { commit, count, seconds: Number.isFinite(time) ? Math.min(Math.max(time, 0), now) : now }
}

/** The tar stream of a checkout. @throws as {@link openCheckout}; `.git` counts towards the caps too. */
export async function* packCheckout(git: Git, checkout: Checkout): AsyncGenerator<Buffer, void, void> {
  let parts: Buffer[] = []
  let filled = 0
  for await (const part of packParts(git, checkout)) {
    parts.push(part)
    filled += part.length
    if (filled < CHUNK_BYTES) continue
    yield Buffer.concat(parts, filled)
    parts = []
    filled = 0
  }
  yield Buffer.concat([...parts, END])
}

async function* packParts(git: Git, { commit, count, seconds }: Checkout): AsyncGenerator<Buffer, void> {
  const tree = new TarWriter(seconds)
  for await (const { entry, content } of treeContents(git, commit)) {
    if (!hasContent(entry)) yield tree.folder(entry.path)
    else if (entry.kind === 'link') yield tree.link(entry.path, linkTarget(entry.path, await joined(content)))
    else yield* tree.file(entry.path, entry.kind === 'executable' ? 0o755 : 0o644, entry.size, content)
  }
  const own = new TarWriter(0)
  for (const folder of GIT_FOLDERS) {
    count.add(0)
    yield own.folder(`.git${folder}`)
  }
  const files = await gitFiles(git, commit)
  for (const { size } of files) count.add(size)
  for (const file of files) yield* own.file(`.git/${file.name}`, file.mode, file.size, file.open())
}

interface TreeContent {
  readonly entry: TreeEntry
  /** Read to its end before the next one is asked for. */
  readonly content: AsyncIterable<Buffer>
}

/** The files of a tree with their contents, in the order of the tree. */
async function* treeContents(git: Git, commit: string): AsyncGenerator<TreeContent, void> {
  const objects = git.start('cat-file', '--batch')
  const reader = new ByteReader(objects.stdout)
  const tree = treeEntries(git, commit)
  const asked: TreeEntry[] = []
  let isListed = false
  try {
    for (;;) {
      while (!isListed && asked.length < REQUESTS_AHEAD) {
        const { done, value } = await tree.next()
        isListed = done === true
        if (value === undefined) break
        asked.push(value)
        if (hasContent(value)) objects.stdin.write(`${value.object}\n`)
      }
      const entry = asked.shift()
      if (entry === undefined) return
      if (hasContent(entry)) await expectBlob(git, objects, reader, entry)
      yield { entry, content: reader.bytes(entry.size) }
      if (hasContent(entry)) await reader.record(0)
    }
  } finally {
    await tree.return(undefined)
    await objects.kill()
  }
}

function hasContent({ kind }: TreeEntry): boolean {
  return kind !== 'folder' && kind !== 'submodule'
}

/** The line before a content (git-cat-file(1), "BATCH OUTPUT"). */
async function expectBlob(
  git: Git,
  objects: ReturnType<Git['start']>,
  reader: ByteReader,
  { object, size }: TreeEntry,
): Promise<void> {
  const head = await reader.record(256)
  if (head?.toString('latin1') === `${object} blob ${size}`) return
  objects.stdin.end()
  if (head !== null) await objects.kill()
  throw git.failure(await objects.ended)
}

/** A link of a repository may lead anywhere, as one of a folder may: it is the guest that follows it. */
function linkTarget(path: string, target: Buffer): Buffer {
  if (target.length === 0 || target.includes(0)) refuseEntry(ORIGIN, 'is a link that cannot be', path)
  return target
}

async function joined(content: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of content) chunks.push(chunk)
  return Buffer.concat(chunks)
}
