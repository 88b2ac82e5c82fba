/**
 * What stands for a name in a learned policy. Nearly always the name itself. Names that are different in each run would make a
 * policy that no second run keeps, so something wider stands for these, and for these alone:
 *
 * - below writable scratch, where programs make up names: `@scratch`; sockets there: all below the same folder
 * - below `/dev/shm`, and pipes, sockets and the like that are opened by their descriptor: `@devices`
 * - a process's own `/proc/<pid>`: the same name below `/proc/self`, and any number for one of `/proc/self/fd`
 */
import { escapeGlob } from '../../glob/index.js'
import type { TraceAccess } from '../event.js'
import { namesOf } from '../policy/own-process.js'
import { exactAddress, exactPath, type LearnedPattern } from './exact-pattern.js'

/** A name that was used. */
export interface UsedName {
  readonly access: TraceAccess
  readonly path: string
  readonly processId: number
}

/** What the kernel calls an open file that has no name. */
const UNNAMED = /^(?:pipe:\[\d+\]|socket:\[\d+\]|anon_inode:[^/]+)$/

const OWN_DESCRIPTOR = /^\/proc\/self\/fd\/\d+$/

/** The wider pattern that stands for a name; `null` where the name stands for itself. */
export function generalize({ access, path }: UsedName, scratch: readonly string[]): string | null {
  if (access === 'connect') {
    const folder = path.startsWith('unix:/')
      ? scratch.find((root) => isBelow(path.slice('unix:'.length), root))
      : undefined
    return folder === undefined ? null : `unix:${escapeGlob(folder)}`
  }
  if (OWN_DESCRIPTOR.test(path)) return '/proc/self/fd/*'
  if (scratch.some((folder) => isBelow(path, folder))) return '@scratch'
  // Nothing is executed from a device: the set is empty in that list.
  return access !== 'exec' && (isBelow(path, '/dev/shm') || UNNAMED.test(path)) ? '@devices' : null
}

/** The same name as another process would have it: its own folder of `/proc` by the name `self`. */
export function commonName(path: string, processId: number): string {
  return path.startsWith('/proc/') ? (namesOf(path, processId)[0] ?? path) : path
}

/** @throws {InvalidStateError} when the name is so long that no pattern can hold it */
export function patternFor(name: UsedName, scratch: readonly string[]): LearnedPattern {
  const general = generalize(name, scratch)
  if (general !== null) return general
  return name.access === 'connect' ? exactAddress(name.path) : exactPath(name.path)
}

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(folder) && (path.length === folder.length || path[folder.length] === '/')
}
