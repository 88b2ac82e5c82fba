/**
 * Which shared libraries a set of programs needs, resolved as the loader would: the RPATH of the file and of those that
 * pulled it in, its RUNPATH, then the configured and built-in folders. `LD_LIBRARY_PATH` of this process plays no part.
 */
import { realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ImageError } from '../errors.js'
import { readElf, type ElfFile } from './elf.js'
import { libraryFolders } from './library-paths.js'
import { printable } from '../printable.js'

/** Some programs with everything that their loader needs to start them. */
export interface ElfClosure {
  readonly machine: number
  /** The path that the programs name as their loader, for example `/lib64/ld-linux-x86-64.so.2`. */
  readonly loader: string
  /** From the name that is asked for (`libc.so.6`) to the file on this host, links resolved. The loader is not in it. */
  readonly libraries: ReadonlyMap<string, string>
}

interface Pending {
  readonly elf: ElfFile
  /** RPATH folders of the files that led here; they count only while no RUNPATH is in the way. */
  readonly inherited: readonly string[]
}

/**
 * @param programs Paths of dynamically linked programs; all must name the same loader.
 * @throws {ImageError} naming the file and what it misses: a library that is nowhere, two different libraries of one name,
 *   a static program where a loader is needed, or another machine.
 */
export function resolveClosure(programs: readonly string[]): ElfClosure {
  const roots = programs.map((path) => {
    const elf = readElf(realpathSync(path))
    if (elf === null) throw new ImageError(`${printable(path)} is no ELF program.`, { details: { path } })
    return elf
  })
  const dynamic = roots.filter(({ interpreter }) => interpreter !== null)
  const first = dynamic[0]
  if (first === undefined || first.interpreter === null) {
    throw new ImageError(
      `${programs.map((text) => printable(text)).join(', ')}: statically linked, so there is no loader to pack.`,
    )
  }
  const { machine, interpreter } = first
  const foreign = dynamic.find((elf) => elf.interpreter !== interpreter || elf.machine !== machine)
  if (foreign !== undefined) {
    throw new ImageError(
      `${printable(foreign.path)} uses the loader ${foreign.interpreter}, but ${printable(first.path)} uses ${interpreter}; ` +
        'both must come from the same system.',
    )
  }
  return { machine, loader: interpreter, libraries: collect(dynamic, interpreter, libraryFolders(machine)) }
}

function collect(roots: readonly ElfFile[], loader: string, folders: readonly string[]): Map<string, string> {
  const loaderElf = readElf(realpathSync(loader))
  const loaderNames = new Set([loader.slice(loader.lastIndexOf('/') + 1), loaderElf?.soname])
  const libraries = new Map<string, string>()
  const queue: Pending[] = roots.map((elf) => ({ elf, inherited: [] }))
  for (let pending = queue.shift(); pending !== undefined; pending = queue.shift()) {
    const { elf } = pending
    const own = elf.rpath.map((folder) => replaceOrigin(folder, elf.path))
    const inherited = elf.runpath.length > 0 ? [] : [...own, ...pending.inherited]
    const search = [...inherited, ...elf.runpath.map((folder) => replaceOrigin(folder, elf.path)), ...folders]
    for (const name of elf.needed) {
      if (loaderNames.has(name)) continue
      const library = find(name, search, elf)
      const known = libraries.get(name)
      if (known !== undefined && known !== library.path) {
        throw new ImageError(
          `${printable(elf.path)} needs ${printable(name)} from ${printable(library.path)}, but another program needs it ` +
            `from ${printable(known)}; an image has room for one.`,
        )
      }
      if (known !== undefined) continue
      libraries.set(name, library.path)
      queue.push({ elf: library, inherited })
    }
  }
  return libraries
}

/** As the loader does, passes over files of another machine or class. */
function find(name: string, folders: readonly string[], user: ElfFile): ElfFile {
  const candidates = name.includes('/') ? [name] : folders.map((folder) => join(folder, name))
  for (const candidate of candidates) {
    try {
      const elf = readElf(realpathSync(candidate))
      if (elf?.machine === user.machine) return elf
    } catch (error) {
      if (!(error instanceof ImageError) && (error as NodeJS.ErrnoException).code === undefined) throw error
    }
  }
  throw new ImageError(
    `${printable(user.path)} needs the library ${printable(name)}, which is in none of ${folders.join(', ')}. ` +
      'Install the package that brings it.',
    { details: { path: user.path, library: name } },
  )
}

function replaceOrigin(folder: string, file: string): string {
  return folder.replace(/\$(?:ORIGIN\b|\{ORIGIN\})/g, dirname(file))
}
