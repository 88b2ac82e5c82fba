/**
 * What a home may not hold, because it would take the place of something that the sandbox stands on.
 *
 * A home is unpacked at `/`, over the base: its `etc/passwd` replaces the base's, and that is meant. What follows is not.
 */

/** Folders on which the engine mounts kernel file systems; in a home they may only be empty, and are left out. */
const KERNEL_FOLDERS = new Set(['proc', 'sys', 'dev'])

/** Files over which the engine mounts its own. */
const ENGINE_FILES = new Set(['etc/hosts', 'etc/hostname', 'etc/resolv.conf', 'etc/mtab'])

/** Layers delete what lies below them by names with this prefix. Source: OCI image specification, "Whiteouts". */
const WHITEOUT_PREFIX = '.wh.'

/** Linux takes paths of up to 4,096 bytes with the ending NUL; this leaves room for an engine's own folder before them. */
const MAX_PATH_BYTES = 3_800

/** What is at a path of a home. */
export type HomeFileType = 'file' | 'directory' | 'symlink' | 'block device' | 'character device' | 'fifo' | 'socket'

/**
 * @param path Relative to the home.
 * @returns `null` when the entry may go into an image, else why not, as the end of a sentence.
 */
export function refusal(path: Buffer, type: HomeFileType): string | null {
  const text = path.toString('latin1')
  const name = text.slice(text.lastIndexOf('/') + 1)
  const top = text.split('/', 1)[0] as string
  if (type !== 'file' && type !== 'directory' && type !== 'symlink') return `it is a ${type}`
  if (path.length > MAX_PATH_BYTES) return `its path is longer than ${MAX_PATH_BYTES} bytes`
  if (top === '.sandbox') return 'that name belongs to the supervisor'
  if (name.startsWith(WHITEOUT_PREFIX)) return 'in a layer such a name deletes files of the base'
  if (text === '.dockerenv') return 'the engine makes that file itself'
  if (KERNEL_FOLDERS.has(top) && (text !== top || type !== 'directory')) return `/${top} belongs to the kernel`
  if (text === 'tmp' && type !== 'directory') return '/tmp is a folder in every sandbox'
  if (ENGINE_FILES.has(text) && type === 'directory') return 'the engine mounts a file there'
  return null
}

/** @returns whether the entry is allowed but adds nothing to an image. */
export function isLeftOut(path: Buffer): boolean {
  return KERNEL_FOLDERS.has(path.toString('latin1'))
}
