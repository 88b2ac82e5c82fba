/** The workspaces of one runner, in one folder of this host. */
import { readdir, realpath, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { InvalidStateError, WorkspaceError } from '../../errors.js'
import { quoteText } from '../../printable.js'
import { openHostFolder } from '../../sandbox/host-folder.js'
import { probeDiskQuota, type DiskQuota, type EngineFacts } from './disk-quota.js'
import { diskPlace, openDiskWorkspace } from './disk-workspace.js'
import { detachLoop, readLoopDevices, readMounts, unmount } from './host-mounts.js'
import { findHostTools, requireHostTools } from './host-tools.js'
import { MEMORY_WORKSPACE, type Workspace } from './workspace.js'

/** What is asked for. */
export interface WorkspaceRequest {
  /** Of the build: a UUID. It names files of this host. */
  readonly id: string
  /** Size of a disk workspace in bytes, what ext4 needs for itself included; from 1 MiB. */
  readonly sizeBytes: number
  readonly backing: 'memory' | 'disk'
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const IMAGE = /^(.{36})\.img$/

const BLOCK_BYTES = 4096

/**
 * Makes workspaces. The folder is this store's alone, on a disk that has room for all workspaces that are open at once: disk
 * workspaces reserve their whole size. It is made with mode 0700 when the first one is.
 */
export class WorkspaceStore {
  readonly #folder: string
  /** Ids of disk workspaces that are there or being made. */
  readonly #open = new Set<string>()

  /** @param folder - absolute path */
  constructor(folder: string) {
    this.#folder = folder
  }

  /**
   * Whether this host can make disk workspaces. It makes one, which takes some 30 ms, and does so anew at each call.
   * @param engine - what the engine says of itself; default `null`: not known
   */
  async probe(engine: EngineFacts | null = null): Promise<DiskQuota> {
    try {
      return await probeDiskQuota(await this.#prepare(), engine)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      return { available: false, reason, hint: 'give a stateDir that this process can write to' }
    }
  }

  /**
   * Opens a workspace.
   * @throws {WorkspaceError} when a disk workspace cannot be made; `retryable` when the disk is full. The signal's reason.
   */
  async open(request: WorkspaceRequest, signal?: AbortSignal): Promise<Workspace> {
    const { id, backing } = request
    signal?.throwIfAborted()
    if (backing === 'memory') return MEMORY_WORKSPACE
    if (!UUID.test(id)) throw new WorkspaceError(`The id of a workspace is ${quoteText(id)}: it has to be a UUID.`)
    if (this.#open.has(id)) throw new InvalidStateError(`The workspace ${id} is open already.`)
    const sizeBytes = Math.floor(request.sizeBytes / BLOCK_BYTES) * BLOCK_BYTES
    this.#open.add(id)
    try {
      const tools = requireHostTools()
      const place = diskPlace(await this.#prepare(), id)
      return await openDiskWorkspace(tools, place, sizeBytes, signal, () => this.#open.delete(id))
    } catch (error) {
      this.#open.delete(id)
      throw error
    }
  }

  /**
   * Ends the disk workspaces that a dead process left in the folder, by names that only this class gives: unmounts them and
   * removes their files. Call it before the first `open`. What has another name, or holds something that is no workspace, stays.
   * @returns how many there were
   */
  async sweep(): Promise<number> {
    const tools = findHostTools()
    const folder = await realpath(this.#folder).catch(() => null)
    // Without these programs none was made.
    if (folder === null || 'packageName' in tools) return 0
    const swept = new Set<string>()
    const idOf = (path: string): string | null => {
      const name = path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : ''
      const id = IMAGE.exec(name)?.[1] ?? name
      return UUID.test(id) && !this.#open.has(id) ? id : null
    }
    for (const { target, device, type } of (await readMounts()).reverse()) {
      const id = idOf(target)
      if (id === null || type !== 'ext4' || !/^\/dev\/loop\d+$/.test(device)) continue
      await unmount(tools, target)
      swept.add(id)
    }
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const id = idOf(join(folder, entry.name))
      if (id === null) continue
      const { mountPoint, image } = diskPlace(folder, id)
      if (entry.isFile() && entry.name.endsWith('.img')) await rm(image, { force: true })
      else if (entry.isDirectory()) {
        // It is not empty when it is not ours.
        const removed = await rmdir(mountPoint).then(
          () => true,
          () => false,
        )
        if (!removed) continue
      } else continue
      swept.add(id)
    }
    for (const { device, file } of await readLoopDevices()) {
      if (idOf(file) !== null) await detachLoop(tools, device)
    }
    return swept.size
  }

  /** Links in the path are resolved, as they are in the kernel's table of mounts. */
  async #prepare(): Promise<string> {
    const folder = await openHostFolder(this.#folder)
    try {
      await folder.chmod(0o700)
    } finally {
      await folder.close()
    }
    return realpath(this.#folder)
  }
}
