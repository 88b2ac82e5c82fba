/**
 * Files that are being written, in a folder of their own. Each is named after the process that writes it, so that a later one
 * knows what nobody goes on with.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, open, readdir, rm, stat, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { findProcessState, readOwnIdentity, type ProcessIdentity } from '../../users/process-identity.js'

/** How long a file is left alone of whose process nothing can be told: it may be of another PID namespace. */
const UNKNOWN_AGE_MS = 86_400_000

const NAME =
  /^(?<pid>\d{1,10})\.(?<startTicks>\d{1,20})\.(?<bootId>[0-9a-f-]{1,64})\.(?<pidNamespace>\d{1,20})\.[0-9a-f]+$/

/** A new file, open for writing; whoever made it closes it and renames or removes it. */
export interface PartialFile {
  readonly path: string
  readonly handle: FileHandle
}

/** Makes a file of mode 0600. The folder is made if missing. @throws errors of the file system */
export async function createPartial(folder: string): Promise<PartialFile> {
  const { pid, startTicks, bootId, pidNamespace } = await readOwnIdentity()
  const namespace = pidNamespace.replaceAll(/\D/g, '')
  const path = join(folder, `${pid}.${startTicks}.${bootId}.${namespace}.${randomBytes(6).toString('hex')}`)
  await mkdir(folder, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  return { path, handle: await open(path, 'wx', 0o600) }
}

/** Removes what dead processes left. @returns how many files, and their bytes */
export async function removeDeadPartials(folder: string, nowMs: number): Promise<{ files: number; bytes: number }> {
  const removed = { files: 0, bytes: 0 }
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  const own = await readOwnIdentity()
  for (const name of names) {
    const path = join(folder, name)
    const stats = await stat(path).catch(() => null)
    if (stats === null || !(await isDead(name, own, nowMs - stats.mtimeMs))) continue
    await rm(path, { force: true, recursive: true })
    removed.files += 1
    removed.bytes += stats.size
  }
  return removed
}

async function isDead(name: string, own: ProcessIdentity, ageMs: number): Promise<boolean> {
  const { pid, startTicks = '', bootId = '', pidNamespace = '' } = NAME.exec(name)?.groups ?? {}
  if (pid === undefined) return ageMs > UNKNOWN_AGE_MS
  const identity = { pid: Number(pid), startTicks, bootId, pidNamespace: `pid:[${pidNamespace}]` }
  const state = await findProcessState(identity, own)
  return state === 'dead' || (state === 'unknown' && ageMs > UNKNOWN_AGE_MS)
}
