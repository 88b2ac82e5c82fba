/** The names of files in a call, and what each stands for. */
import type { NameArgument, NamingCall, OpeningCall } from '../calls/index.js'
import { readDescriptor, readFlags, readString } from '../strace/arguments.js'
import type { CallRecord } from '../strace/record.js'
import type { Access, Meaning } from './access.js'
import { readOpenFlags, type Purpose } from './open-flags.js'
import type { Thread } from './process.js'
import { normalizePath, resolvePath } from './resolve-path.js'

/** Sockets, pipes and their kin have annotations without a slash; memory files are nowhere in the tree. */
const MEMORY_FILE = '/memfd:'

function resolveFrom(name: string, thread: Thread, folder: string | null): string | null {
  return resolvePath(name, { folder, root: thread.folder.root, processId: thread.process.id })
}

function folderOf(descriptor: string): string | null | undefined {
  const text = readDescriptor(descriptor)
  if (text === null) return null
  if (text.path !== null) return text.path.startsWith('/') ? normalizePath(text.path) : null
  return text.fd === null ? undefined : null
}

/** What the name at `place` means; `dirfd` as in {@link NameArgument}. */
function meaningOf({ args, result }: CallRecord, thread: Thread, place: number, dirfd: number | null): Meaning {
  const text = args[place] ?? ''
  const name = readString(text)
  if (name === null) {
    const unreached = result.errno === 'ENOSYS' || (text === 'NULL' && result.errno === 'EFAULT')
    return { file: text.slice(0, 100), path: null, resolution: null, unreached }
  }
  if (name.truncated) return { file: name.value, path: null, resolution: null }
  const known = dirfd === null || name.value.startsWith('/') ? undefined : folderOf(args[dirfd] ?? '')
  const path = resolveFrom(name.value, thread, known === undefined ? thread.folder.cwd : known)
  if (path === null) return { file: name.value, path, resolution: null, unreached: result.errno === 'EBADF' }
  const meaning = { file: name.value, path, resolution: 'name' } as const
  const { others } = thread.folder
  if (others.length === 0 || known !== undefined || name.value.startsWith('/')) return meaning
  return { ...meaning, otherPaths: others.map((folder) => resolveFrom(name.value, thread, folder)) }
}

/** Whether the descriptor stands for the name: no name in the call, `NULL`, or an empty one with `…EMPTY_PATH`. */
function meansDescriptor({ path, dirfd, flags }: NameArgument, args: readonly string[]): boolean {
  if (path === null) return true
  if (dirfd === null) return false
  if (args[path] === 'NULL') return true
  if (args[path] !== '""' || flags === null) return false
  return flags === 'always' || readFlags(args[flags] ?? '').some((flag) => flag.endsWith('EMPTY_PATH'))
}

/** `null`: the descriptor leads to nothing that has a name, or its name was seen when it was opened. */
function descriptorMeaning({ args, result }: CallRecord, name: NameArgument): Meaning | null {
  if (name.mode === 'metadata' && name.access === 'read') return null
  const descriptor = readDescriptor(args[name.dirfd ?? 0] ?? '')
  if (descriptor === null || descriptor.path === null) {
    return result.errno === 'EBADF' ? null : { file: '', path: null, resolution: null }
  }
  const isMemory = descriptor.deleted && descriptor.path.startsWith(MEMORY_FILE)
  if (!descriptor.path.startsWith('/') || (isMemory && name.mode !== 'exec')) return null
  return { file: '', path: normalizePath(descriptor.path), resolution: 'descriptor' }
}

/** What a call does with names, one or two. */
export function namedAccesses(call: NamingCall, record: CallRecord, thread: Thread): readonly Access[] {
  const { onlyWhen, prefix } = call
  if (onlyWhen !== undefined && !onlyWhen.values.includes(record.args[onlyWhen.argument] ?? '')) return []
  const found: Access[] = []
  for (const name of call.names) {
    const byDescriptor = meansDescriptor(name, record.args)
    const meaning = byDescriptor
      ? descriptorMeaning(record, name)
      : name.path !== null && meaningOf(record, thread, name.path, name.dirfd)
    if (meaning === null || meaning === false) continue
    found.push(accessOf(name, prefixed(meaning, prefix)))
  }
  return found
}

/** A queue's name is no path: it goes below `prefix`, whatever the working directory is. */
function prefixed(meaning: Meaning, prefix: string | undefined): Meaning {
  if (prefix === undefined || meaning.file === '' || meaning.unreached === true) return meaning
  return { ...meaning, path: `${prefix}${meaning.file}`, resolution: 'name', otherPaths: [] }
}

/** What a call opens: a successful one tells by its descriptor what the name led to. */
export function openAccess(call: OpeningCall, record: CallRecord, thread: Thread): Access {
  const meaning: Meaning =
    call.path === null
      ? { file: '', path: null, resolution: null }
      : prefixed(meaningOf(record, thread, call.path, call.dirfd), call.prefix)
  const purpose = readOpenFlags(call.flags === null ? null : (record.args[call.flags] ?? ''))
  const opened = record.result.path
  const isTold = opened?.startsWith('/') === true && call.prefix === undefined
  return isTold
    ? accessOf(purpose, { file: meaning.file, path: normalizePath(opened), resolution: 'descriptor' })
    : accessOf(purpose, meaning)
}

/** Written out, because spreading is slow and this is done for every call. */
function accessOf({ mode, access, readsToo }: Purpose, meaning: Meaning): Access {
  const { file, path, resolution, otherPaths, unreached } = meaning
  return { mode, access, readsToo, file, path, resolution, otherPaths, unreached }
}
