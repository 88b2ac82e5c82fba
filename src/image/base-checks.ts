/** What must hold for an image before it can be the base of a sandbox. */
import type { ImageFacts, ImageStore } from '../driver/driver.js'
import { ImageError } from '../errors.js'
import { readElf } from './elf.js'
import { KIND_LABEL } from './image-labels.js'
import { machineNames } from './library-paths.js'
import { printable } from '../printable.js'

/** Paths at which distributions put links to folders, relative to `/`. */
const LINK_CANDIDATES = [
  'bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32', 'usr/bin', 'usr/sbin', 'usr/lib', 'usr/lib64', 'usr/libexec',
  'usr/local', 'usr/local/bin', 'usr/local/lib', 'usr/local/share', 'usr/tmp', 'etc', 'home', 'mnt', 'opt', 'root', 'run',
  'srv', 'usr', 'var', 'var/lib', 'var/lock', 'var/mail', 'var/run', 'var/spool', 'var/tmp',
] // prettier-ignore

/** @throws {ImageError} when there is no such image, or it cannot be built upon. */
export function assertFitBase(reference: string, base: ImageFacts | null): asserts base is ImageFacts {
  const name = printable(reference)
  if (base === null) {
    throw new ImageError(
      `The engine has no image "${name}". Get it with \`docker pull ${name}\` or \`docker build -t ${name} …\`; ` +
        "`docker image ls` shows what is there, and base: 'runner' needs no image.",
      { details: { base: reference } },
    )
  }
  if (base.labels[KIND_LABEL] === 'home') {
    throw new ImageError(
      `The base "${name}" holds the home of a user of this package, which is nobody else's to read. ` +
        'Use the image that it was made from.',
      { details: { base: reference } },
    )
  }
  const expected = hostArchitecture()
  if (base.architecture !== expected) {
    throw new ImageError(
      `The base "${name}" is made for ${printable(base.architecture || 'an unknown architecture')}, but the supervisor that ` +
        `goes into it is made for ${expected}. Use \`docker pull --platform linux/${expected} ${name}\`.`,
      { details: { base: reference, architecture: base.architecture, expected } },
    )
  }
  if (base.onBuild.length > 0) {
    throw new ImageError(
      `The base "${name}" has ONBUILD instructions, which would run on each build: ` +
        `${base.onBuild
          .slice(0, 3)
          .map((text) => printable(text))
          .join('; ')}. Build an image from it first and use that one.`,
      { details: { base: reference, onBuild: base.onBuild } },
    )
  }
}

/**
 * What an engine calls the architecture of the node that runs this process.
 * @throws {ImageError} when that is no ELF program.
 */
export function hostArchitecture(): string {
  const node = readElf(process.execPath)
  if (node === null) throw new ImageError(`${printable(process.execPath)} is no ELF program.`)
  return machineNames(node.machine).docker
}

/**
 * Finds the base's links to folders, so that a home's `bin/tool` goes to where the base's `/bin` leads and does not take its
 * place.
 *
 * @returns from path to folder, both relative to `/`; `null` when the store cannot look into images.
 * @throws {ImageError} when the base has a `/.sandbox` of its own, which the supervisor would read.
 */
export async function probeBase(
  store: ImageStore,
  reference: string,
  base: ImageFacts,
  signal?: AbortSignal,
): Promise<Readonly<Record<string, string>> | null> {
  if (store.statPaths === undefined) return null
  const found = await store.statPaths(base.id, ['/.sandbox', ...LINK_CANDIDATES.map((path) => `/${path}`)], signal)
  if (found.has('/.sandbox')) {
    throw new ImageError(
      `The base "${printable(reference)}" has a /.sandbox of its own, which is where the supervisor goes. ` +
        'Use the image that it was made from, or remove the folder in it.',
      { details: { base: reference } },
    )
  }
  const links = [...found].flatMap(([path, { type, link }]) =>
    type === 'symlink' && link !== null && link !== path ? [[path.slice(1), link.replace(/^\/+/, '')] as const] : [],
  )
  return Object.fromEntries(links.filter(([, link]) => link !== ''))
}
