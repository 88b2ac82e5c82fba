/** The names of a commit's tree, each judged before anything is done with it. */
import { UnsafeArchiveError } from '../../errors.js'
import { entrySegments, LinkTable, refuseEntry } from '../../sandbox/archive-rules.js'
import { ByteReader } from '../../sandbox/byte-reader.js'
import type { Git } from './git-command.js'

/** One file, folder, link or submodule. */
export interface TreeEntry {
  readonly path: string
  /** A submodule is an empty folder: what it names is not fetched. */
  readonly kind: 'file' | 'executable' | 'folder' | 'link' | 'submodule'
  /** Object name in hexadecimal. */
  readonly object: string
  /** Bytes of content. */
  readonly size: number
}

/** Begins the messages about what was refused. */
export const ORIGIN = 'the repository has'

/** PATH_MAX, and what stands before a path. */
const MAX_RECORD_BYTES = 4096 + 256

/** The kernel takes no longer text for a link (PATH_MAX). */
const MAX_LINK_BYTES = 4095

const RECORD = /^(\d{6}) (blob|tree|commit) ([0-9a-f]{40}|[0-9a-f]{64}) +(\d+|-)\t([^]+)$/

/** `.git` for git on file systems that fold case, ignore characters or have short names (git's `is_hfs_dotgit`, `is_ntfs_dotgit`). */
const GIT_FOLDER = /^(?:\.git|git~\d+)[. ]*(?::.*)?$/i
const IGNORED_BY_HFS = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g

/**
 * Lists the tree of a commit. Folders count too: ten levels of ten folders with nothing in them are a few small objects, and
 * git goes through all of them.
 * @throws {UnsafeArchiveError} for a name that may not go into a workspace. {@link SourceError} when git fails.
 */
export async function* treeEntries(git: Git, commit: string): AsyncGenerator<TreeEntry, void> {
  const listing = git.start('ls-tree', '-r', '-t', '-z', '-l', '--full-tree', commit)
  listing.stdin.end()
  const reader = new ByteReader(listing.stdout)
  const links = new LinkTable()
  try {
    for (;;) {
      const record = await reader.record(MAX_RECORD_BYTES, 0).catch((error: unknown) => {
        if (!(error instanceof RangeError)) throw error
        throw new UnsafeArchiveError(`${ORIGIN} a name over ${MAX_RECORD_BYTES} bytes`, { cause: error })
      })
      if (record === null) break
      yield judge(record, links)
    }
    const end = await listing.ended
    if (end.code !== 0) throw git.failure(end)
  } finally {
    await listing.kill()
  }
}

function judge(record: Buffer, links: LinkTable): TreeEntry {
  const text = record.toString('utf8')
  if (!Buffer.from(text).equals(record)) refuseEntry(ORIGIN, 'has a name that is not UTF-8', text)
  const match = RECORD.exec(text)
  if (match === null) refuseEntry(ORIGIN, 'is of a kind that is not known', text)
  const [, mode = '', , object = '', size = '', path = ''] = match
  const names = path.split('/')
  if (names.some((name) => name === '' || name === '.')) refuseEntry(ORIGIN, 'has an empty part in its name', path)
  const segments = entrySegments(ORIGIN, path)
  if (segments.some((name) => GIT_FOLDER.test(name.replaceAll(IGNORED_BY_HFS, ''))))
    refuseEntry(ORIGIN, "stands in the place of a repository's own folder", path)
  const kind = kindOf(mode, path)
  if (links.passesLink(segments)) refuseEntry(ORIGIN, 'passes through a link', path)
  const bytes = kind === 'folder' || kind === 'submodule' ? 0 : Number(size)
  if (!Number.isSafeInteger(bytes)) refuseEntry(ORIGIN, 'has a size that is none', path)
  if (kind === 'link') {
    if (bytes > MAX_LINK_BYTES || bytes === 0) refuseEntry(ORIGIN, 'is a link that cannot be', path)
    links.add(segments)
  }
  return { path, kind, object, size: bytes }
}

/** The modes that git writes (git-fast-import(1), `M`), and that of files of its first versions. */
function kindOf(mode: string, path: string): TreeEntry['kind'] {
  if (mode === '100644' || mode === '100664') return 'file'
  if (mode === '100755') return 'executable'
  if (mode === '040000') return 'folder'
  if (mode === '120000') return 'link'
  if (mode === '160000') return 'submodule'
  return refuseEntry(ORIGIN, `has the mode ${mode}`, path)
}
