/**
 * Secrets as files of one step, in a folder that is a tmpfs of the sandbox: they are in no image, no layer and no mount of the host.
 *
 * The folder belongs to the guest, and an earlier step could have left a link or a file in it under the name of a secret. So it is
 * emptied before the files are written, when no process of an earlier command lives: a command's end takes its descendants. What
 * a step copies elsewhere stays there; a step that is given a secret is trusted with it.
 */
import { SandboxExitedError } from '../../errors.js'
import type { ContainerSandbox } from '../../sandbox/container-sandbox.js'

/** Where the files are; a writable path of the sandbox. */
export const SECRETS_FOLDER = '/run/secrets'

/** What the folder must hold at most: 64 secrets of 64 KiB, and as much again for files of its own. In bytes. */
export const SECRETS_FOLDER_BYTES = 8 * 1024 ** 2

/** Read by its owner alone, and by nobody changed by mistake. */
const FILE_MODE = 0o400

/** One file. */
export interface SecretFile {
  /** A variable name, see `secretNameOption`. */
  readonly name: string
  readonly value: string
}

/** The part of a sandbox that is needed. */
export type SecretsSandbox = Pick<ContainerSandbox, 'fs'>

/**
 * Empties {@link SECRETS_FOLDER} and writes each secret as `/run/secrets/NAME`, mode 0400, as it is: no line end is added. After a
 * failure the folder is empty again, or its sandbox may not be used any more.
 *
 * @throws {GuestFileError} what the guest did to the folder, no space left, {@link SandboxExitedError}, the signal's reason
 */
export async function placeSecretFiles(
  sandbox: SecretsSandbox,
  files: readonly SecretFile[],
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted()
  await emptyFolder(sandbox)
  try {
    for (const { name, value } of files) {
      await sandbox.fs.writeFile(`${SECRETS_FOLDER}/${name}`, value, { mode: FILE_MODE, signal })
    }
  } catch (error) {
    await removeSecretFiles(sandbox)
    throw error
  }
}

/**
 * Empties {@link SECRETS_FOLDER} of all that is in it, copies of other names included. To be called after the step however it ended,
 * also when the build is canceled. A sandbox that is gone has no files.
 *
 * @throws {GuestFileError} when something cannot be removed: no further step may run in the sandbox
 */
export async function removeSecretFiles(sandbox: SecretsSandbox): Promise<void> {
  try {
    await emptyFolder(sandbox)
  } catch (error) {
    if (!(error instanceof SandboxExitedError)) throw error
  }
}

/** The folder itself is a mount point: it stays. */
async function emptyFolder({ fs }: SecretsSandbox): Promise<void> {
  for (const { name } of await fs.readdir(SECRETS_FOLDER)) {
    await fs.rm(`${SECRETS_FOLDER}/${name}`, { recursive: true, force: true })
  }
}
