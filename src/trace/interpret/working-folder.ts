/** Follows the working directory of a thread, and of all that share it. */
import { readDescriptor, readFlags, readString } from '../strace/arguments.js'
import type { CallRecord } from '../strace/record.js'
import type { Thread } from './process.js'
import { normalizePath, resolvePath } from './resolve-path.js'

const ANNOTATED = 'AT_FDCWD<'

/** strace looks the working directory up when it prints `AT_FDCWD</path>`. */
export function learnFolder({ args }: CallRecord, thread: Thread): void {
  for (const arg of args) {
    if (!arg.startsWith(ANNOTATED) || arg === thread.folder.annotation) continue
    const path = readDescriptor(arg)?.path
    if (path?.startsWith('/') !== true) continue
    thread.folder.set(normalizePath(path), arg)
  }
}

/** What a successful call changes. */
export function followFolder({ name, args }: CallRecord, thread: Thread): void {
  if (name === 'chdir' || name === 'chroot') {
    const given = readString(args[0] ?? '')
    if (name === 'chdir' && given?.value.startsWith('/') === false && !given.truncated) {
      thread.folder.move(given.value, thread.process.id)
      return
    }
    const base = { folder: thread.folder.cwd, root: thread.folder.root, processId: thread.process.id }
    const path = given === null || given.truncated ? null : resolvePath(given.value, base)
    if (name === 'chroot') thread.folder.root = path ?? thread.folder.root
    else thread.folder.set(path)
  } else if (name === 'fchdir') {
    const path = readDescriptor(args[0] ?? '')?.path
    thread.folder.set(path?.startsWith('/') === true ? normalizePath(path) : null)
  } else if (name === 'unshare' && sharesNoMore(readFlags(args[0] ?? ''))) {
    const { moves } = thread.folder
    thread.folder = thread.folder.copy()
    thread.folder.moves = moves
  }
}

/** Namespaces of mounts and users come with a working directory of their own, see unshare(2). */
function sharesNoMore(flags: readonly string[]): boolean {
  return flags.some((flag) => flag === 'CLONE_FS' || flag === 'CLONE_NEWNS' || flag === 'CLONE_NEWUSER')
}
