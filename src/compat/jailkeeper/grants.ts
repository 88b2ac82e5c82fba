/**
 * From the lists of a jail to what its sandbox sees and what of it is judged as a jailbreak.
 *
 * Theory of operation. The old package ran a command on the bare host and told afterwards what it had touched. Here the
 * command sees the host's programs, its working folder and what the lists name, each at its own path, and nothing else. What it
 * tries besides is still told, but there is nothing to be had.
 */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { isWithin } from '../../options/guest-path.js'
import { escapeGlob } from '../../glob/index.js'
import type { MountOptions, TraceObjectOptions } from '../../options/index.js'
import { findHostBase } from '../../policy/host-base.js'

/** An entry of `read` or `write`: a file, a folder with all that is below it, or an expression for whole paths. */
export type JailEntry = string | RegExp

/** What the lists of one jail come to for one command. */
export interface Grants {
  readonly mounts: readonly MountOptions[]
  readonly trace: Pick<TraceObjectOptions, 'read' | 'write' | 'exec' | 'connect'>
  /** Folders that are allowed but not mounted, since something else that is mounted lies in them. */
  readonly unmounted: readonly string[]
}

/** What the guest has of its own: granting the host's would take the sandbox's away. */
const OWN_PLACES = ['/', '/proc', '/sys', '/dev', '/tmp', '/.sandbox']

/**
 * @param lists `read` and `write`; a relative path is meant from `cwd`
 * @param cwd absolute
 * @param searchPath folders of programs, as in PATH
 * @throws {TypeError} for an entry that is neither a text nor a RegExp
 */
export function grantsOf(
  lists: { readonly read: readonly JailEntry[]; readonly write: readonly JailEntry[] },
  cwd: string,
  searchPath: string,
): Grants {
  const read = absolute(lists.read, 'read', cwd)
  const write = absolute(lists.write, 'write', cwd)
  const both = [cwd, ...write]
  const programs = searchPath.split(':').filter((folder) => folder.startsWith('/'))
  // As before: what stands right in a folder of PATH may be looked at, and so may the folder that the host runs in.
  const looked = [...programs.map((folder) => `${escapeGlob(resolve(folder))}/*`), exactly(process.cwd())]
  const sets = ['@runtime', '@devices', '@libraries', '@programs'] as const
  return {
    ...mountsOf(cwd, paths(read), paths(write)),
    trace: {
      read: [...sets, ...looked, ...patterns([...both, ...read])],
      write: ['@runtime', '@devices', '@caches', ...patterns(both)],
      exec: ['@runtime', '@libraries', '@programs', ...looked, ...patterns([...both, ...read])],
      // Connections were never watched, and none leads out. A socket in the file system is written to.
      connect: [/^(?!unix:\/)/, ...paths(both).map((path) => `unix:${escapeGlob(path)}`)],
    },
  }
}

/** A granted path that does not exist is not made here: it can be made where its folder is granted. */
function mountsOf(
  cwd: string,
  read: readonly string[],
  write: readonly string[],
): Pick<Grants, 'mounts' | 'unmounted'> {
  const base = findHostBase().mounts.map(({ target }) => target)
  const unmounted: string[] = []
  const taken = new Map([[cwd, true]])
  const grant = (path: string, writable: boolean): void => {
    const covered = [...taken].some(([other, isWritable]) => isWithin(path, other) && (isWritable || !writable))
    if (covered || base.some((other) => isWithin(path, other)) || OWN_PLACES.includes(path)) return
    if (OWN_PLACES.slice(1, 4).some((place) => isWithin(path, place)) || !existsSync(path)) return
    if ([...base, ...taken.keys()].some((other) => isWithin(other, path))) unmounted.push(path)
    else taken.set(path, writable)
  }
  // The shortest first, so that what lies in a granted folder needs no mount of its own.
  for (const path of byLength(write)) grant(path, true)
  for (const path of byLength(read)) grant(path, false)
  const mounts = [...taken].map(([path, writable]) => ({ source: path, target: path, writable }))
  return { mounts, unmounted }
}

function absolute(entries: readonly unknown[], list: string, cwd: string): JailEntry[] {
  return entries.map((entry) => {
    if (typeof entry === 'string') return resolve(cwd, entry)
    // A state from one test to the next, and lines within a path, are nothing that a list of paths can mean.
    if (entry instanceof RegExp) return new RegExp(entry.source, entry.flags.replace(/[gym]/g, ''))
    throw new TypeError(
      `options.${list} holds ${entry === null ? 'null' : `a ${typeof entry}`}: a path or a RegExp is needed.`,
    )
  })
}

function paths(entries: readonly JailEntry[]): string[] {
  return entries.filter((entry) => typeof entry === 'string')
}

function patterns(entries: readonly JailEntry[]): (string | RegExp)[] {
  return entries.map((entry) => (typeof entry === 'string' ? escapeGlob(entry) : entry))
}

function exactly(path: string): RegExp {
  return new RegExp(`^${path.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')}$`)
}

function byLength(texts: readonly string[]): string[] {
  return [...texts].sort((a, b) => a.length - b.length)
}
