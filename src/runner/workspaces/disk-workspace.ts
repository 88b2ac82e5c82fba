/**
 * A workspace that is a file system of its own on this host's disk.
 *
 * Theory of operation. A file of the whole size is reserved with fallocate(2), so that a host without room says so now and not
 * in the middle of a build. It becomes an ext4 without journal (its end is its deletion) on a loop device, mounted nosuid
 * and nodev. The guest never sees the file or the device: only the kernel writes to them, so what it finds there it can
 * trust. The file is removed as soon as it is mounted. It lives on behind the loop device, which frees itself with the
 * last mount (mount(8) sets `autoclear`): after an unmount, a crash or a power failure no byte stays, and the pages that were
 * not yet on the disk need not go there. The folder below the mount is empty and root's alone: a sandbox that got it in place
 * of the file system could not write.
 */
import { constants } from 'node:fs'
import { chmod, chown, mkdir, open, rm, rmdir, statfs } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { GuestFileError, WorkspaceError } from '../../errors.js'
import { printable } from '../../printable.js'
import type { ContainerSandbox } from '../../sandbox/container-sandbox.js'
import { runHostCommand } from '../host-command.js'
import { unmount } from './host-mounts.js'
import type { HostTools } from './host-tools.js'
import { WORKSPACE_TARGET, type Workspace, type WorkspaceMount, type WorkspaceUsage } from './workspace.js'

/** Where one workspace is on this host. */
export interface DiskPlace {
  /** The folder that it is mounted on. */
  readonly mountPoint: string
  /** The file behind it, until it is mounted. */
  readonly image: string
}

/** The paths of a workspace. @param id - a UUID */
export function diskPlace(folder: string, id: string): DiskPlace {
  return { mountPoint: join(folder, id), image: join(folder, `${id}.img`) }
}

const COMMAND_TIMEOUT_MS = 60_000

/**
 * Blocks of 4 KiB and an inode for each, so that bytes run out before inodes as long as files are not empty. No journal, no
 * room for growth and none kept for root. `nodiscard`: a discarded reservation would be none.
 */
const MKFS_ARGS = [
  ...['-q', '-F', '-b', '4096', '-i', '4096', '-m', '0', '-O', '^has_journal,^resize_inode'],
  ...['-E', 'lazy_itable_init=1,nodiscard,root_owner=0:0'],
]

/** The tables are zeros as the file is: nothing has to write them later. Nothing has to survive a power failure. */
const MOUNT_OPTIONS = 'loop,nosuid,nodev,noatime,noinit_itable,nobarrier'

/**
 * Makes and mounts it.
 * @param onClosed - called when it was ended
 * @throws {WorkspaceError} and then nothing of it is left; the signal's reason.
 */
export async function openDiskWorkspace(
  tools: HostTools,
  place: DiskPlace,
  sizeBytes: number,
  signal?: AbortSignal,
  onClosed: () => void = () => undefined,
): Promise<DiskWorkspace> {
  // What is there already belongs to somebody else, and stays.
  await mkdir(place.mountPoint, { mode: 0o700 }).catch((error: unknown) => {
    throw hostFailure(error)
  })
  let mayBeMounted = false
  const run = async (file: string, args: readonly string[]): Promise<void> => {
    const end = await runHostCommand({ file, args, timeoutMs: COMMAND_TIMEOUT_MS, signal })
    if (end.code !== 0) throw commandFailure(file, end.timedOut ? 'it took too long' : end.stderr, sizeBytes)
  }
  try {
    await assertRoom(place, sizeBytes)
    await (await open(place.image, 'wx', 0o600)).close()
    await run(tools.fallocate, ['-l', String(sizeBytes), place.image])
    await run(tools.mkfs, [...MKFS_ARGS, place.image])
    mayBeMounted = true
    await run(tools.mount, ['-i', '-t', 'ext4', '-o', MOUNT_OPTIONS, place.image, place.mountPoint])
    await rm(place.image)
    // fsck is not going to run on it, and the guest has no use for a folder of root.
    await rmdir(join(place.mountPoint, 'lost+found'))
    await chmod(place.mountPoint, 0o700)
    return new DiskWorkspace(tools, place, onClosed)
  } catch (error) {
    if (mayBeMounted) await unmount(tools, place.mountPoint).catch(() => undefined)
    await rm(place.image, { force: true })
    await rmdir(place.mountPoint).catch(() => undefined)
    throw error instanceof WorkspaceError || signal?.aborted === true ? error : hostFailure(error)
  }
}

/** What root alone may use of a disk is not for workspaces, though fallocate(1) would take it. */
async function assertRoom({ image }: DiskPlace, sizeBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(join(image, '..'))
  if (bavail * bsize < sizeBytes) throw noRoom(sizeBytes, bavail * bsize)
}

function noRoom(sizeBytes: number, freeBytes: number | null): WorkspaceError {
  const free = freeBytes === null ? '' : `, ${freeBytes} are free`
  return new WorkspaceError(
    `This host's disk has no room for a workspace of ${sizeBytes} bytes${free}: ask for less, or make room.`,
    { details: { why: 'no room', sizeBytes, freeBytes }, retryable: true },
  )
}

function commandFailure(file: string, stderr: string, sizeBytes: number): WorkspaceError {
  if (/No space left on device/.test(stderr)) return noRoom(sizeBytes, null)
  const said = printable(stderr.trim().split('\n').at(-1) ?? '', 300)
  return new WorkspaceError(`Cannot make a disk workspace: ${file} failed: ${said}`, { details: { why: 'failed' } })
}

function hostFailure(error: unknown): WorkspaceError {
  const { code, message } = error as NodeJS.ErrnoException
  return new WorkspaceError(`Cannot make a disk workspace: ${printable(message, 300)}`, {
    details: { why: code ?? 'failed' },
    cause: error,
  })
}

/** A mounted workspace. */
export class DiskWorkspace implements Workspace {
  readonly backing = 'disk'
  readonly mount: WorkspaceMount
  readonly #tools: HostTools
  readonly #place: DiskPlace
  readonly #onClosed: () => void
  #closing: Promise<void> | null = null
  /** Who gets what is made in it. */
  #owner: readonly [uid: number, gid: number] = [0, 0]

  constructor(tools: HostTools, place: DiskPlace, onClosed: () => void) {
    this.#onClosed = onClosed
    this.#tools = tools
    this.#place = place
    this.mount = Object.freeze({ source: place.mountPoint, target: WORKSPACE_TARGET, writable: true })
  }

  async own(uid: number, gid: number): Promise<void> {
    this.#owner = [uid, gid]
    await chown(this.#place.mountPoint, uid, gid).catch((error: unknown) => {
      throw hostFailure(error)
    })
  }

  /** By a file with a secret name and text, which this host makes and the sandbox has to read. */
  async assertMounted(sandbox: ContainerSandbox): Promise<void> {
    const name = `.mounted-${randomBytes(16).toString('hex')}`
    const text = randomBytes(16).toString('hex')
    const path = join(this.#place.mountPoint, name)
    try {
      const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
      const file = await open(path, flags, 0o400)
      try {
        await file.writeFile(text)
        await file.chown(...this.#owner)
      } finally {
        await file.close()
      }
      const seen = await sandbox.fs.readFile(`${WORKSPACE_TARGET}/${name}`, { encoding: 'utf8', maxBytes: 64 })
      if (seen !== text) throw notMounted(null)
    } catch (error) {
      throw error instanceof GuestFileError ? notMounted(error) : error
    } finally {
      await rm(path, { force: true })
    }
  }

  async usage(): Promise<WorkspaceUsage | null> {
    if (this.#closing !== null) return null
    const { blocks, bfree, bsize, files, ffree } = await statfs(this.#place.mountPoint)
    return { bytes: (blocks - bfree) * bsize, inodes: files - ffree }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close().catch((error: unknown) => {
      this.#closing = null
      throw error
    })
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    await unmount(this.#tools, this.#place.mountPoint)
    await rmdir(this.#place.mountPoint).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw hostFailure(error)
    })
    this.#onClosed()
  }
}

function notMounted(cause: unknown): WorkspaceError {
  return new WorkspaceError(
    "The sandbox does not have the disk workspace that was made for it: the engine does not see this process' mounts, or maps uids. Run both in one mount namespace without user namespaces, or use workspaces in memory.",
    { details: { why: 'not mounted' }, cause },
  )
}
