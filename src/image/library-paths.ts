/**
 * The folders in which the host's loader looks for libraries: what `/etc/ld.so.conf` lists, then the built-in ones.
 *
 * The text form is read and not `ld.so.cache`: both name the same folders, and the cache's format differs between libcs.
 * Source: ld.so(8), ldconfig(8).
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ImageError } from '../errors.js'

const MAX_INCLUDE_DEPTH = 8

/** The names that distributions use for a machine in multi-arch folders and in Docker's `architecture`. */
const MACHINES: ReadonlyMap<number, { readonly triplet: string; readonly docker: string }> = new Map([
  [62, { triplet: 'x86_64-linux-gnu', docker: 'amd64' }],
  [183, { triplet: 'aarch64-linux-gnu', docker: 'arm64' }],
])

/** @throws {ImageError} when `machine` is neither x86-64 nor AArch64. */
export function machineNames(machine: number): { readonly triplet: string; readonly docker: string } {
  const names = MACHINES.get(machine)
  if (names === undefined) {
    throw new ImageError(
      `This machine's programs have ELF machine ${machine}; allowed are x86-64 (62) and AArch64 (183).`,
    )
  }
  return names
}

/** Folders in the loader's order for programs of `machine`. A folder that is missing is harmless. */
export function libraryFolders(machine: number, configuration = '/etc/ld.so.conf'): readonly string[] {
  const { triplet } = machineNames(machine)
  const builtIn = [`/lib/${triplet}`, `/usr/lib/${triplet}`, '/lib64', '/usr/lib64', '/lib', '/usr/lib']
  return [...new Set([...readConfiguration(configuration, 0), ...builtIn])]
}

function readConfiguration(file: string, depth: number): string[] {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    return []
  }
  return text.split('\n').flatMap((line) => {
    const words = line.replace(/#.*$/, '').trim()
    if (words === '' || words.startsWith('hwcap')) return []
    const include = /^include\s+(.+)$/.exec(words)?.[1]
    if (include === undefined) return [words.replace(/[=\s].*$/, '')].filter((folder) => folder.startsWith('/'))
    if (depth >= MAX_INCLUDE_DEPTH) return []
    return include
      .split(/\s+/)
      .flatMap((pattern) => expand(join(pattern.startsWith('/') ? '/' : dirname(file), pattern)))
      .flatMap((included) => readConfiguration(included, depth + 1))
  })
}

/** Expands a `*` in the last part of a path, which is all that distributions use. */
function expand(pattern: string): string[] {
  const [folder, name] = [dirname(pattern), pattern.slice(pattern.lastIndexOf('/') + 1)]
  if (!name.includes('*')) return [pattern]
  const expression = new RegExp(`^${name.replace(/[.+^${}()|[\]\\?]/g, '\\$&').replaceAll('*', '.*')}$`)
  try {
    return readdirSync(folder)
      .filter((entry) => expression.test(entry))
      .sort()
      .map((entry) => join(folder, entry))
  } catch {
    return []
  }
}
