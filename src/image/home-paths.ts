/** Where a home's files lie in the sandbox, told by few paths. */
import { isUtf8 } from 'node:buffer'
import type { HomeTree } from './home-walk.js'

/** Top-level names that belong to a base (hier(7)): a home may add files below them, but the folder is not the home's. */
const BASE_FOLDERS: ReadonlySet<string> = new Set(
  'bin boot dev etc lib lib32 lib64 libx32 media mnt opt proc root run sbin srv sys tmp usr var'.split(' '),
)

/** Single files below folders of the base that are named; a home with more of them is no ordinary home. */
const MAX_PATHS = 10_000

/**
 * @returns absolute guest paths: each top-level file and folder of the home, and below folders that a base has each single
 * file. Names that are no UTF-8 are left out.
 */
export function homePaths(tree: Pick<HomeTree, 'files'>): readonly string[] {
  const paths: string[] = []
  for (const { path, type } of tree.files) {
    if (paths.length >= MAX_PATHS) break
    if (!isUtf8(path)) continue
    const text = path.toString('utf8')
    const slash = text.indexOf('/')
    const top = slash < 0 ? text : text.slice(0, slash)
    if (BASE_FOLDERS.has(top) ? type !== 'directory' : slash < 0) paths.push(`/${text}`)
  }
  return paths
}
