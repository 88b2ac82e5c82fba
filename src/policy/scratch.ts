/**
 * The writable places of a sandbox: one size-limited tmpfs for each, counted against the memory limit.
 *
 * A full tmpfs is memory of the container, and it cannot be freed by killing a process. So the sum of all sizes stays at
 * or below the memory limit, or a guest could fill them and have every later command killed for memory.
 */
import { InvalidOptionsError } from '../errors.js'
import type { ScratchMount } from './container-spec.js'

/** A file of a tmpfs takes at least a page, so this many bytes for each inode leave no room unused by regular files. */
const BYTES_PER_INODE = 4096
const MIN_INODES = 1024
const MAX_INODES = 1024 * 1024

/** The engine's own default for `/dev/shm`. */
const MAX_DEFAULT_SHM_BYTES = 64 * 1024 * 1024

/** The size of `/dev/shm` where none is given: 64 MiB, but at most an eighth of the memory, in whole pages. */
export function defaultShmBytes(memoryBytes: number): number {
  return Math.min(MAX_DEFAULT_SHM_BYTES, Math.floor(memoryBytes / 8 / 4096) * 4096)
}

/** The inode limit for a scratch size: one for each 4 KiB, from 1,024 to 1,048,576. */
export function scratchInodes(sizeBytes: number): number {
  return Math.min(MAX_INODES, Math.max(MIN_INODES, Math.floor(sizeBytes / BYTES_PER_INODE)))
}

/**
 * The tmpfs mounts for the writable paths and `/tmp`.
 * @param paths guest paths that were checked before; `/tmp` is added when it is missing.
 * @param defaultBytes size of each that `sizes` does not name.
 */
export function buildScratchMounts(
  paths: readonly string[],
  defaultBytes: number,
  sizes: Readonly<Record<string, number>> = {},
): ScratchMount[] {
  const targets = paths.includes('/tmp') ? paths : [...paths, '/tmp']
  return targets.map((target) => {
    const sizeBytes = (Object.hasOwn(sizes, target) ? sizes[target] : undefined) ?? defaultBytes
    const mode = target === '/tmp' ? 0o1777 : 0o755
    return { target, sizeBytes, inodes: scratchInodes(sizeBytes), mode, executable: true }
  })
}

/** @throws {InvalidOptionsError} when all tmpfs mounts together could hold more than the memory limit. */
export function assertScratchFitsMemory(scratch: readonly ScratchMount[], shmBytes: number, memoryBytes: number): void {
  const scratchBytes = scratch.reduce((sum, mount) => sum + mount.sizeBytes, 0)
  if (scratchBytes + shmBytes <= memoryBytes) return
  throw new InvalidOptionsError(
    `The writable paths (${scratch.length} with ${scratchBytes} bytes in all) and /dev/shm (${shmBytes} bytes) can hold ${scratchBytes + shmBytes} bytes, ` +
      `more than limits.memoryBytes (${memoryBytes}). They are kept in memory: lower limits.scratchBytes, scratch or limits.shmBytes, name fewer writable paths, or raise limits.memoryBytes.`,
    { details: { scratchBytes, shmBytes, memoryBytes, paths: scratch.map((mount) => mount.target) } },
  )
}
