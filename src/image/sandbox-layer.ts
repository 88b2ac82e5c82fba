/**
 * The `/.sandbox` layer: everything that the supervisor inside a container needs, so that it runs on any base, also on one
 * that has another libc or nothing at all.
 *
 * Theory of operation. The guest controls every file outside `/.sandbox`, because the home is unpacked at `/`. Nothing that
 * the supervisor reads before the guest's first command may therefore lie outside:
 *  - it is started through its own loader with `--library-path` and `--inhibit-cache`, so its libraries come from here;
 *  - the loader reads `/etc/ld.so.preload` whatever its options say, so that path inside it is replaced by one in here;
 *  - node reads the `openssl.cnf` that was compiled in, which can load modules, so an empty one lies here for
 *    `--openssl-config`.
 * The loader and init have mode 0711: a process that runs from a file without read permission is not dumpable, and the same
 * uid cannot open its descriptors or memory. Source: prctl(2), PR_SET_DUMPABLE; proc(5); ld.so(8). gVisor executes no such
 * file, so both are here once more, readable, for the runtime `runsc` alone.
 */
import { readFileSync, realpathSync } from 'node:fs'
import { basename } from 'node:path'
import { ImageError } from '../errors.js'
import { resolveClosure, type ElfClosure } from './elf-closure.js'
import {
  buildHostLayer,
  folders,
  hardLinked,
  hostFile,
  memoryFile,
  type HostEntry,
  type HostLayer,
} from './host-files.js'
import { guestFile, type GuestFile } from './package-files.js'
import { printable } from '../printable.js'

/** Where the parts lie inside every sandbox. */
export const GUEST_PATHS = {
  root: '/.sandbox',
  init: '/.sandbox/bin/init',
  node: '/.sandbox/bin/node',
  loader: '/.sandbox/lib/ld.so',
  libraries: '/.sandbox/lib',
  shovel: '/.sandbox/shovel.cjs',
  program: '/.sandbox/program.cjs',
  /** An empty configuration, for node's `--openssl-config`. */
  opensslConfig: '/.sandbox/openssl.cnf',
} as const

const PRELOAD_FILE = '/etc/ld.so.preload\0'
/** A file that no image has: homes and bases may not bring a `/.sandbox`. Shorter than the original, so it fits. */
const REPLACED_PRELOAD_FILE = '/.sandbox/preload\0'

/**
 * @param node The node to pack. Default: the one that runs this process.
 * @throws {ImageError} when a part is missing, or node or its loader cannot be used for this.
 */
export function buildSandboxLayer(node: string = process.execPath): HostLayer {
  const closure = resolveClosure([node])
  return buildHostLayer([
    ...folders(['.sandbox', '.sandbox/bin', '.sandbox/lib', '.sandbox/readable']),
    guestEntry('.sandbox/bin/init', 'init', 0o711),
    guestEntry('.sandbox/readable/init', 'init', 0o755),
    hostFile('.sandbox/bin/node', node, 0o755),
    guestEntry('.sandbox/shovel.cjs', 'shovel.cjs', 0o644),
    guestEntry('.sandbox/program.cjs', 'program.cjs', 0o644),
    memoryFile('.sandbox/openssl.cnf', '# Empty on purpose.\n', 0o644),
    ...loaderEntries(closure),
    ...[...closure.libraries].map(([name, source]) => hostFile(`.sandbox/lib/${basename(name)}`, source, 0o755)),
  ])
}

/** Read at once, since a build of the package may replace these files at any time. */
function guestEntry(path: string, name: GuestFile, mode: number): HostEntry {
  const source = guestFile(name)
  return memoryFile(path, readFileSync(source), mode, source)
}

/** The loader under the host's name for it, which libraries refer to, and under the name that is the same everywhere. */
function loaderEntries(closure: ElfClosure): HostEntry[] {
  const source = realpathSync(closure.loader)
  const patched = patchLoader(readFileSync(source), source)
  const names = new Set(['.sandbox/lib/ld.so', `.sandbox/lib/${basename(closure.loader)}`])
  return [
    ...hardLinked([...names], (path) => memoryFile(path, patched, 0o711, source)),
    memoryFile('.sandbox/readable/ld.so', patched, 0o755, source),
  ]
}

/**
 * Replaces the name of the system-wide preload file inside glibc's loader.
 *
 * @throws {ImageError} when the name is not in there exactly once: then it is no loader that this was made for.
 */
export function patchLoader(loader: Buffer, source: string): Buffer {
  const at = loader.indexOf(PRELOAD_FILE)
  const mentions = countOf(loader, Buffer.from('ld.so.preload'))
  if (at === -1 || mentions !== 1) {
    throw new ImageError(
      `The loader ${printable(source)} names /etc/ld.so.preload ${mentions} times instead of once. ` +
        'Only a node that runs on glibc can be packed; install one, for example from nodejs.org.',
      { details: { loader: source, mentions } },
    )
  }
  const patched = Buffer.from(loader)
  patched.fill(0, at, at + PRELOAD_FILE.length)
  patched.write(REPLACED_PRELOAD_FILE, at, 'latin1')
  return patched
}

function countOf(haystack: Buffer, needle: Buffer): number {
  let count = 0
  for (let at = haystack.indexOf(needle); at !== -1; at = haystack.indexOf(needle, at + 1)) count += 1
  return count
}
