/** Names to absolute paths, by text alone: links are not known here. */

/** An empty, `.` or `..` segment, or a slash at the end: what a plain path does not have. */
const UNRESOLVED = /\/\.{0,2}(?:\/|$)/

function joinSegments(path: string): string {
  const kept: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop()
    else if (segment !== '' && segment !== '.') kept.push(segment)
  }
  return `/${kept.join('/')}`
}

/** `.`, `..` and doubled slashes of an absolute path resolved; `..` of the root is the root. */
export function normalizePath(path: string): string {
  return UNRESOLVED.test(path) ? joinSegments(path) : path
}

const OWN_FOLDERS = ['/proc/self', '/proc/thread-self']

function nameProcess(path: string, processId: number): string {
  if (!path.startsWith('/proc/')) return path
  for (const own of OWN_FOLDERS) {
    if (path === own || path.startsWith(`${own}/`)) return `/proc/${processId}${path.slice(own.length)}`
  }
  return path
}

/**
 * The longest path that is followed, in UTF-16 units: twice PATH_MAX, a working directory and a name. A guest can go deeper folder by
 * folder, and each call would cost as much as all its folders together.
 */
export const MAX_PATH_UNITS = 8192

/** Where a name starts. */
export interface PathBase {
  /** The absolute folder that relative names start from; `null` when it cannot be told. */
  readonly folder: string | null
  /** What the process has as its root; `/` but for those that used `chroot`. */
  readonly root: string
  /** Whose `/proc/self` it is. */
  readonly processId: number
}

/**
 * The absolute path that a name means, `.` and `..` resolved, `/proc/self` and `/proc/thread-self` as `/proc/<processId>`.
 *
 * @returns `null` for the empty name, for a relative one whose folder cannot be told, and where the path is too long to be followed.
 */
export function resolvePath(name: string, base: PathBase): string | null {
  const path = followName(name, base)
  return path !== null && path.length > MAX_PATH_UNITS ? null : path
}

function followName(name: string, base: PathBase): string | null {
  if (name.startsWith('/')) {
    const path = normalizePath(name)
    return nameProcess(base.root === '/' ? path : normalizePath(base.root + path), base.processId)
  }
  if (name === '' || base.folder === null) return null
  return nameProcess(normalizePath(base.folder === '/' ? `/${name}` : `${base.folder}/${name}`), base.processId)
}
