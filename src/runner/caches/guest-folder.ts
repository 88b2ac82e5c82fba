import { posix } from 'node:path'
import { GuestFileError } from '../../errors.js'
import { printable } from '../../printable.js'
import { abortable } from '../../sandbox/abortable.js'
import type { ContainerSandbox } from '../../sandbox/container-sandbox.js'

/** What stands where a cache's folder belongs. `blocked`: a link or a file, at it or on the way to it. */
export type GuestFolder =
  | { readonly state: 'folder' | 'missing'; readonly reason: null }
  | { readonly state: 'blocked'; readonly reason: string }

/**
 * Looks at each folder on the way, so that no link of the workspace leads a cache somewhere else. This keeps an honest guest
 * from surprises and is no boundary: a hostile one can show whatever it may read.
 * @throws {GuestFileError} when the guest cannot look
 */
export async function findGuestFolder(
  sandbox: Pick<ContainerSandbox, 'fs'>,
  workspace: string,
  path: string,
  signal: AbortSignal,
): Promise<GuestFolder> {
  const segments = path.split('/').filter((segment) => segment !== '' && segment !== '.')
  for (const depth of segments.keys()) {
    const part = segments.slice(0, depth + 1).join('/')
    try {
      const { type } = await abortable(signal, sandbox.fs.lstat(posix.join(workspace, part)))
      if (type === 'directory') continue
      return { state: 'blocked', reason: `'${printable(part, 120)}' is a ${type} and no folder` }
    } catch (error) {
      if (error instanceof GuestFileError && error.code === 'ENOENT') return { state: 'missing', reason: null }
      throw error
    }
  }
  return { state: 'folder', reason: null }
}
