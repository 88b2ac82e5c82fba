/** A guest whose files are a folder of this host, for code that only moves files: no process, no channel, no boundary. */
import { lstat, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { GuestFileError } from '../../src/errors.js'
import type { ContainerSandbox } from '../../src/sandbox/container-sandbox.js'
import { extractArchive } from '../../src/sandbox/extract-archive.js'
import { packFolder } from '../../src/sandbox/pack-folder.js'

/** What caches and artifacts need of a sandbox. */
export type FileGuest = Pick<ContainerSandbox, 'fs'>

/** @param send - what the guest sends in place of the archive of a folder */
export function folderGuest(root: string, send?: () => Readable): FileGuest {
  const fs = {
    lstat: (path: string) =>
      asGuest(path, async () => {
        const stats = await lstat(join(root, path))
        return { type: stats.isDirectory() ? 'directory' : stats.isSymbolicLink() ? 'symlink' : 'file' }
      }),
    readFile: (path: string) => asGuest(path, () => readFile(join(root, path))),
    rm: (path: string) => asGuest(path, () => rm(join(root, path), { recursive: true, force: true })),
    downloadArchive: async (path: string, consume: (archive: Readable) => Promise<unknown>) => {
      const stream = send?.() ?? packFolder(join(root, path)).stream
      return { consumed: await consume(stream), skipped: 0 }
    },
    uploadPacked: (archive: Readable, path: string) => extractArchive(archive, join(root, path)),
  }
  return { fs: fs as unknown as ContainerSandbox['fs'] }
}

async function asGuest<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const { code = 'EIO', syscall = 'open' } = error as NodeJS.ErrnoException
    throw new GuestFileError(code, syscall, path)
  }
}
