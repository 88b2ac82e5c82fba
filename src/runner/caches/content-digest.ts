import { createHash } from 'node:crypto'
import { posix } from 'node:path'
import { CapacityError, GuestFileError } from '../../errors.js'
import { printable } from '../../printable.js'
import type { ContainerSandbox } from '../../sandbox/container-sandbox.js'
import { digestOf } from './cache-address.js'

/** The most of one file: lock files are small, and what is read is kept in memory. */
export const MAX_KEY_FILE_BYTES = 64 * 1024 ** 2

/**
 * A digest over which files there are and what they hold. A file that is missing is one more content, unlike an empty one.
 * The order of `files` says nothing.
 *
 * @param files - paths below `workspace`, of the guest
 * @returns 64 hexadecimal digits
 * @throws {CapacityError} for a file over {@link MAX_KEY_FILE_BYTES}. {@link GuestFileError} for what is no file that the
 * guest can read.
 */
export async function digestContents(
  sandbox: Pick<ContainerSandbox, 'fs'>,
  workspace: string,
  files: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const parts: string[] = ['contents']
  for (const file of [...new Set(files)].sort()) {
    signal.throwIfAborted()
    const content = await readKeyFile(sandbox, posix.join(workspace, file), file, signal)
    parts.push(file, content === null ? 'missing' : createHash('sha256').update(content).digest('hex'))
  }
  return digestOf(parts)
}

async function readKeyFile(
  sandbox: Pick<ContainerSandbox, 'fs'>,
  path: string,
  file: string,
  signal: AbortSignal,
): Promise<Buffer | null> {
  try {
    return await sandbox.fs.readFile(path, { maxBytes: MAX_KEY_FILE_BYTES, signal })
  } catch (error) {
    if (error instanceof GuestFileError && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return null
    if (!(error instanceof CapacityError) || error.details['maxBytes'] !== MAX_KEY_FILE_BYTES) throw error
    throw new CapacityError(
      `'${printable(file, 120)}' has more than ${MAX_KEY_FILE_BYTES} bytes: \`files\` of a cache names small files, such as a lock file`,
      { details: { file: printable(file, 120), maxBytes: MAX_KEY_FILE_BYTES }, retryable: false, cause: error },
    )
  }
}
