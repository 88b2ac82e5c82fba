/**
 * The image under the base `host`: nothing but folders, links and empty files on which the host's own are mounted, and the
 * same few files of `/etc` that the runner base has.
 */
import { dirname } from 'node:path'
import { HomeError } from '../errors.js'
import { isWithin } from '../options/guest-path.js'
import type { HostBase } from '../policy/host-base.js'
import { printable } from '../printable.js'
import { buildHostLayer, folders, memoryFile, symlink, type HostLayer } from './host-files.js'
import { CONFIGURATION, ROOT_FOLDERS } from './runner-base.js'

/** The root file system on which `host` is mounted. */
export function buildHostBaseLayer({ mounts, links }: HostBase): HostLayer {
  const own: Readonly<Record<string, string>> = { ...CONFIGURATION }
  const paths = mounts.map(({ target, kind }) => ({ path: target.slice(1), kind }))
  const files = paths.filter(({ kind }) => kind === 'file').map(({ path }) => path)
  const made = new Set([
    ...ROOT_FOLDERS,
    ...paths.flatMap(({ path, kind }) => (kind === 'folder' ? [path, ...parents(path)] : parents(path))),
  ])
  return buildHostLayer([
    ...folders([...made]),
    ...folders(['tmp', 'var/tmp'], 0o1777),
    ...Object.entries(links).map(([path, target]) => symlink(path, target)),
    ...files.map((path) => memoryFile(path, '', 0o644)),
    // Which system the programs are of is told by the host's own.
    ...Object.entries(own)
      .filter(([path]) => path !== 'etc/os-release')
      .map(([path, text]) => memoryFile(path, text, 0o644)),
    symlink('etc/os-release', '../usr/lib/os-release'),
  ])
}

/**
 * A file of a home that would lie below one of the host's folders could not be seen there, and a link in the place of such a
 * folder would take the mount elsewhere.
 *
 * @param paths where the files of the home lie, see `home-paths.ts`
 * @throws {HomeError} naming the first file that has no place
 */
export function assertHomeApart(home: string, paths: readonly string[], { mounts, links }: HostBase): void {
  for (const path of paths) {
    const [, top = '', rest = ''] = /^\/([^/]+)(.*)$/s.exec(path) ?? []
    const link = rest === '' ? undefined : links[top]
    const place = link === undefined ? path : `/${link}${rest}`
    const hidden = mounts.find(({ target }) => isWithin(place, target) || isWithin(target, place))
    if (hidden === undefined) continue
    throw new HomeError(
      `The home ${printable(home)} has ${printable(path)}, but with base 'host' the host's own ${hidden.target} is there. ` +
        "Put it elsewhere, or use base 'runner'.",
      { details: { home, path } },
    )
  }
}

/** `['etc/pki/tls', 'etc/pki', 'etc']` for `etc/pki/tls/certs`. */
function parents(path: string): string[] {
  const parent = dirname(path)
  return parent === '.' ? [] : [parent, ...parents(parent)]
}
