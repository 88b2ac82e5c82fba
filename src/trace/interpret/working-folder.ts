/** Follows the working directory of a thread, and of all that share it. */
import { readDescriptor, readFlags, readString } from '../strace/arguments.js'
import type { CallRecord } from '../strace/record.js'
import { kernelPath, type KernelPath } from './kernel-path.js'
import type { Thread } from './process.js'
import { resolvePath } from './resolve-path.js'

const ANNOTATED = 'AT_FDCWD<'

/** strace looks the working directory up when it prints `AT_FDCWD</path>`. */
export function learnFolder({ args }: CallRecord, thread: Thread): void {
  for (const arg of args) {
    if (!arg.startsWith(ANNOTATED) || arg === thread.folder.annotation) continue
    const text = readDescriptor(arg)
    const found = text === null ? null : kernelPath(text, thread.folder.cwd)
    if (found !== null) goTo(found, thread, arg)
  }
}

function goTo({ path, others }: KernelPath, { folder }: Thread, annotation: string | null = null): void {
  folder.set(path, annotation)
  if (others.length > 0) folder.suspect(others)
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
    const text = readDescriptor(args[0] ?? '')
    const found = text === null ? null : kernelPath(text)
    if (found === null) thread.folder.set(null)
    else goTo(found, thread)
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
