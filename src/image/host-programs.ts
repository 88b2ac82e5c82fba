/** Programs of this host, and what their loader needs to start them in an image. */
import { accessSync, constants, realpathSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { ImageError } from '../errors.js'
import { printable } from '../printable.js'
import type { ElfClosure } from './elf-closure.js'
import { folders, hostFile, symlink, type HostEntry } from './host-files.js'
import { machineNames } from './library-paths.js'

/** Where programs are looked for, in this order. `PATH` of this process plays no part. */
export const PROGRAM_FOLDERS: readonly string[] = ['/usr/bin', '/bin', '/usr/sbin', '/sbin', '/usr/local/bin']

/** Links of a packed root from a path to where it leads, both relative to `/`: what systems with a merged `/usr` have. */
export const MERGED_LINKS: Readonly<Record<string, string>> = {
  bin: 'usr/bin',
  sbin: 'usr/sbin',
  lib: 'usr/lib',
  lib64: 'usr/lib64',
}

/** @returns where a program is on this host, links such as those of `/etc/alternatives` resolved; `null` when nowhere. */
export function findHostProgram(name: string): string | null {
  for (const folder of PROGRAM_FOLDERS) {
    try {
      const path = realpathSync(`${folder}/${name}`)
      accessSync(path, constants.X_OK)
      return path
    } catch {
      continue
    }
  }
  return null
}

/**
 * A merged `/usr` with the loader and the libraries of a closure, where that loader looks for them.
 * @throws {ImageError} when the host has them in a folder of its own kind.
 */
export function loaderEntries(closure: ElfClosure): HostEntry[] {
  const libc = closure.libraries.get('libc.so.6') ?? `/usr/lib/${machineNames(closure.machine).triplet}/`
  const libraryFolder = dirname(inUsr(libc))
  return [
    ...folders([...new Set(['usr', 'usr/bin', 'usr/sbin', 'usr/lib', 'usr/lib64', libraryFolder])]),
    ...Object.entries(MERGED_LINKS).map(([path, target]) => symlink(path, target)),
    hostFile(inUsr(closure.loader), closure.loader, 0o755),
    ...[...closure.libraries].map(([name, source]) => hostFile(`${libraryFolder}/${basename(name)}`, source, 0o644)),
  ]
}

/** The path of the loader or of libc in the image: the host's, with the merged folders resolved to `usr`. */
function inUsr(file: string): string {
  const [first = '', ...rest] = file.replace(/^\/+/, '').split('/')
  const path = [MERGED_LINKS[first] ?? first, ...rest].join('/')
  if (!/^usr\/lib(64)?(\/[\w-]+)?\/[^/]+$/.test(path)) {
    throw new ImageError(`${printable(file)} lies in no standard folder; use programs of an ordinary glibc system.`)
  }
  return path
}
