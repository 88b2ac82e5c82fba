/** The checks on mount sources that need the engine host's file system. Only for an engine on this machine. */
import { lstat, realpath } from 'node:fs/promises'
import { InvalidOptionsError } from '../errors.js'
import type { BindMount } from './container-spec.js'
import { assertMountSource } from './mounts.js'

/**
 * Resolves every source to the path that it really is and checks that one.
 *
 * The result holds real paths, so that a link that is changed afterwards has no effect. A folder on the way that is
 * replaced afterwards does: the engine mounts what it finds.
 * @param enginePaths see {@link assertMountSource}.
 * @returns the mounts with their real sources.
 * @throws {InvalidOptionsError} when a source is missing, a socket, a device or a FIFO, or leads to a refused path.
 */
export async function resolveMountSources(
  mounts: readonly BindMount[],
  enginePaths: readonly string[] = [],
): Promise<BindMount[]> {
  if (mounts.length === 0) return []
  const real = await Promise.all(enginePaths.map((path) => realpath(path).catch(() => path)))
  const places = [...new Set([...enginePaths, ...real])]
  return Promise.all(mounts.map((mount, index) => resolveMount(mount, `mounts[${index}].source`, places)))
}

async function resolveMount(mount: BindMount, what: string, enginePaths: readonly string[]): Promise<BindMount> {
  const source = await realpath(mount.source).catch((cause: unknown) => {
    throw new InvalidOptionsError(`${what} is '${mount.source}': it cannot be resolved on this host.`, { cause })
  })
  assertMountSource(source, source === mount.source ? what : `${what} ('${mount.source}')`, enginePaths)
  const stats = await lstat(source)
  if (stats.isSocket())
    throw new InvalidOptionsError(
      `${what} is '${mount.source}': a unix socket is never mounted. Use the sandbox's channel.`,
    )
  if (!stats.isFile() && !stats.isDirectory())
    throw new InvalidOptionsError(`${what} is '${mount.source}': only a folder or a regular file can be mounted.`)
  return { ...mount, source }
}
