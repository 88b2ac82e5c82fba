/**
 * The paths of open files as the kernel tells them and strace prints them.
 *
 * They need no resolving, and get none: all that a guest can write into them besides plain names is what it called a memory file,
 * `/memfd:x/../usr/bin/python3` for example.
 */
import type { DescriptorText } from '../strace/record.js'
import { normalizePath } from './resolve-path.js'

/** What memfd_create(2) makes is nowhere in the tree. */
const MEMORY_FILE = '/memfd:'
const DELETED = ' (deleted)'
const NOT_TOLD: KernelPath = { path: null, others: [] }

/** What an open file is called. */
export interface KernelPath {
  /** `null` when it could be taken for another file. */
  readonly path: string | null
  /** What it can be called besides. */
  readonly others: readonly string[]
}

/** Whether it is memory without a place in the tree. */
export function isMemoryFile({ path, deleted }: Pick<DescriptorText, 'path' | 'deleted'>): boolean {
  return deleted && path?.startsWith(MEMORY_FILE) === true
}

/**
 * The kernel adds ` (deleted)` to the path of a file that is gone, and a file can be called so. strace tells the two apart by looking
 * for the file, but it looks in the tracer's container, where it never is. So both can be meant, unless a name of the guest says which.
 *
 * @param named - the path that the guest's name means
 * @returns `null` when it has no path: sockets, pipes and their kin
 */
export function kernelPath(
  text: Pick<DescriptorText, 'path' | 'deleted'>,
  named: string | null = null,
): KernelPath | null {
  const { path, deleted } = text
  if (path?.startsWith('/') !== true) return null
  if (isMemoryFile(text)) return path.includes('/', 1) ? NOT_TOLD : { path, others: [] }
  if (normalizePath(path) !== path) return NOT_TOLD
  if (!deleted) return { path, others: [] }
  const marked = path + DELETED
  return named === marked ? { path: marked, others: [] } : { path, others: [marked] }
}

const BEHIND_DESCRIPTOR = /^(?:\/proc\/\d+(?:\/task\/\d+)?\/fd\/\d+|\/dev\/(?:fd\/\d+|std(?:in|out|err)))$/

/** Whether a name stands for what is open by a number: which file that is cannot be told from the name. */
export function isBehindDescriptor(path: string): boolean {
  return (path.startsWith('/proc/') || path.startsWith('/dev/')) && BEHIND_DESCRIPTOR.test(path)
}
