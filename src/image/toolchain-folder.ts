/** Where a toolchain is made: a folder of its own that is gone afterwards, whatever mmdebstrap has left in it. */
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { chmod, mkdir, open, readdir, readFile, rm, type FileHandle } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { ImageError } from '../errors.js'

/** hier(7): for large temporary files. `/tmp` is memory on many machines. */
const TEMP_DIR = '/var/tmp'

/** Longest time for removing some ten thousand files. */
const REMOVAL_MS = 60_000

/** A folder on the disk and a file that has no name. */
export interface ToolchainFolder extends AsyncDisposable {
  readonly path: string
  readonly archive: FileHandle
}

/**
 * Makes the folder below `TMPDIR`, otherwise below `/var/tmp`.
 * @throws {ImageError} when that cannot be written to.
 */
export async function openToolchainFolder(): Promise<ToolchainFolder> {
  // Absolute, since mmdebstrap works in another folder. An empty variable is none.
  const path = resolve(process.env['TMPDIR'] || TEMP_DIR, `container-sandbox-${randomUUID()}`)
  try {
    await mkdir(path, { mode: 0o700 })
    const archive = await openUnnamed(join(path, 'archive'))
    // apt works as a user of its own, and all of mmdebstrap as a mapped one when this process is not root.
    await chmod(path, process.getuid?.() === 0 ? 0o711 : 0o1777)
    return { path, archive, [Symbol.asyncDispose]: () => close(path, archive) }
  } catch (cause) {
    await rm(path, { recursive: true, force: true })
    throw new ImageError(
      `No temporary folder can be made for the toolchain: ${(cause as Error).message}. ` +
        'Set TMPDIR to a folder with 2 GiB free.',
      { cause },
    )
  }
}

/** A file that is gone with its last descriptor, however this process ends. */
async function openUnnamed(path: string): Promise<FileHandle> {
  const file = await open(path, 'wx+', 0o600)
  await rm(path)
  return file
}

async function close(path: string, archive: FileHandle): Promise<void> {
  await archive.close()
  // mmdebstrap mounts where nobody else sees it. Would it not, nothing of the host may be removed through such a mount.
  const mounts = await readFile('/proc/self/mounts', 'utf8')
  if (mounts.includes(path)) return
  await rm(path, { recursive: true, force: true }).catch(() => removeMapped(path))
}

/** What mapped users own can only be removed as one of them, which mmdebstrap(1) has a helper for. */
async function removeMapped(path: string): Promise<void> {
  try {
    const entries = (await readdir(path)).map((name) => join(path, name))
    const argv = ['--unshare-helper', 'rm', '--recursive', '--force', '--one-file-system', '--', ...entries]
    await promisify(execFile)('mmdebstrap', argv, { timeout: REMOVAL_MS, cwd: '/' })
    await rm(path, { recursive: true, force: true })
  } catch {
    // It stays in a folder for temporary files. Whatever was asked for has its own result.
  }
}
