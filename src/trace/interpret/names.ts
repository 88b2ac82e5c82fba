/** The names of files in a call, and what each stands for. */
import type { NameArgument, NamingCall, OpeningCall } from '../calls/index.js'
import { readDescriptor, readFlags, readString } from '../strace/arguments.js'
import type { CallRecord } from '../strace/record.js'
import type { Access, Meaning } from './access.js'
import { isBehindDescriptor, isMemoryFile, kernelPath, type KernelPath } from './kernel-path.js'
import { readOpenFlags, type Purpose } from './open-flags.js'
import type { Thread } from './process.js'
import { resolvePath } from './resolve-path.js'

const UNKNOWN_FOLDER: KernelPath = { path: null, others: [] }

/** The C library changes the mode of what is no link by such a name (`fchmodat` of glibc). */
const CHMOD = new Set(['chmod', 'fchmodat'])

function resolveFrom(name: string, thread: Thread, folder: string | null): string | null {
  return resolvePath(name, { folder, root: thread.folder.root, processId: thread.process.id })
}

/** `undefined`: the working directory. */
function folderOf(descriptor: string): KernelPath | undefined {
  const text = readDescriptor(descriptor)
  if (text === null) return UNKNOWN_FOLDER
  if (text.path !== null) return kernelPath(text) ?? UNKNOWN_FOLDER
  return text.fd === null ? undefined : UNKNOWN_FOLDER
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
  const isAbsolute = name.value.startsWith('/')
  const known = dirfd === null || isAbsolute ? undefined : folderOf(args[dirfd] ?? '')
  const path = resolveFrom(name.value, thread, known === undefined ? thread.folder.cwd : known.path)
  if (path === null) return { file: name.value, path, resolution: null, unreached: result.errno === 'EBADF' }
  const meaning = { file: name.value, path, resolution: 'name' } as const
  const { others } = known ?? thread.folder
  if (others.length === 0 || isAbsolute) return meaning
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
  const found = kernelPath(descriptor)
  if (found === null || (isMemoryFile(descriptor) && name.mode !== 'exec')) return null
  return { file: '', ...toldBy(found) }
}

function toldBy({ path, others }: KernelPath): Pick<Meaning, 'path' | 'resolution' | 'otherPaths'> {
  return { path, resolution: path === null ? null : 'descriptor', otherPaths: others }
}

/** A file that gets one more name, by which it can be changed from then on. */
function isLinked({ name, result }: CallRecord, { mode }: Purpose): boolean {
  return mode === 'read' && name.startsWith('link') && result.errno === null
}

/** What changes a file by `/proc/self/fd/3` changes one that this name does not tell. */
function changedFile(meaning: Meaning, purpose: Purpose, record: CallRecord): Meaning {
  const follows =
    isLinked(record, purpose) ||
    (purpose.access === 'write' && ['write', 'metadata'].includes(purpose.mode) && !CHMOD.has(record.name))
  if (!follows || meaning.path === null || !isBehindDescriptor(meaning.path)) return meaning
  return { file: meaning.file, path: null, resolution: null }
}

function purposeOf({ mode, access }: NameArgument, record: CallRecord): Purpose {
  return { mode, access, writesToo: isLinked(record, { mode, access }) }
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
    found.push(accessOf(purposeOf(name, record), changedFile(prefixed(meaning, prefix), name, record)))
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
  const opened = call.prefix === undefined ? kernelPath(record.result, meaning.path) : null
  return accessOf(purpose, opened === null ? meaning : { file: meaning.file, ...toldBy(opened) })
}

/** Written out, because spreading is slow and this is done for every call. */
function accessOf({ mode, access, readsToo, writesToo }: Purpose, meaning: Meaning): Access {
  const { file, path, resolution, otherPaths, unreached } = meaning
  return { mode, access, readsToo, writesToo, file, path, resolution, otherPaths, unreached }
}
