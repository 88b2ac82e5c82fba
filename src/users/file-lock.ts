/**
 * A lock between processes that a dead holder never keeps.
 *
 * The kernel's flock(2) belongs to an open file description and goes when its last descriptor is closed, also by SIGKILL.
 * Node has no call for it, so the `flock` command takes it on a descriptor that it shares with this process: when the command
 * has ended, the lock is ours until we close. Waiting happens in the kernel, nothing polls.
 *
 * The alternatives were lock files with the holder's pid (whoever removes a stale one can remove a fresh one that
 * took its place in between), heartbeats on a file's time as in `proper-lockfile` (a holder whose event loop is blocked loses
 * its lock without noticing) and abstract sockets (each network namespace has its own).
 */
import { spawn } from 'node:child_process'
import { open, type FileHandle } from 'node:fs/promises'
import { UserError } from '../errors.js'

/** What is done under the lock takes milliseconds; after this time something is stuck. */
export const DEFAULT_LOCK_TIMEOUT_MS = 30_000

/** One waiter per lock and process: it saves processes, and keeps the order of the callers. */
const queues = new Map<string, Promise<unknown>>()

/**
 * Runs `work` while this process alone holds the lock. The lock's file is made if missing and never removed, because
 * the next holder might wait on it.
 *
 * @param timeoutMs - how long to wait for the lock, in ms; default 30,000
 * @throws {UserError} when the lock cannot be had in time, or when there is no `flock` command
 */
export async function withFileLock<T>(
  path: string,
  work: () => Promise<T>,
  timeoutMs: number = DEFAULT_LOCK_TIMEOUT_MS,
): Promise<T> {
  const before = queues.get(path)
  const turn = (async () => {
    await before?.catch(() => undefined)
    return lockAndRun(path, work, timeoutMs)
  })()
  queues.set(path, turn)
  try {
    return await turn
  } finally {
    if (queues.get(path) === turn) queues.delete(path)
  }
}

/**
 * Takes the lock for as long as the returned handle is open, or the process lives.
 * @returns `null` when somebody else has it
 * @throws {UserError} when there is no `flock` command
 */
export async function holdFileLock(path: string): Promise<FileHandle | null> {
  const file = await open(path, 'a', 0o600)
  try {
    if (await takeLock(file.fd, path, DEFAULT_LOCK_TIMEOUT_MS, ['-n'])) return file
  } catch (error) {
    await file.close()
    throw error
  }
  await file.close()
  return null
}

async function lockAndRun<T>(path: string, work: () => Promise<T>, timeoutMs: number): Promise<T> {
  const file = await open(path, 'a', 0o600)
  try {
    await takeLock(file.fd, path, timeoutMs)
    return await work()
  } finally {
    await file.close()
  }
}

/** @returns `false` when `flags` say not to wait and somebody else has it */
function takeLock(
  descriptor: number,
  path: string,
  timeoutMs: number,
  flags: readonly string[] = [],
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn('flock', [...flags, '-x', '3'], { stdio: ['ignore', 'ignore', 'ignore', descriptor] })
    let late = false
    const timer = setTimeout(() => {
      late = true
      child.kill('SIGKILL')
    }, timeoutMs)
    child.once('error', (cause: NodeJS.ErrnoException) => {
      clearTimeout(timer)
      const next =
        cause.code === 'ENOENT' ? 'Install util-linux, which has it.' : `Starting it failed with ${cause.code}.`
      reject(new UserError(`Cannot lock ${path}: the command 'flock' is needed. ${next}`, { cause, details: { path } }))
    })
    child.once('exit', (code, signal) => {
      clearTimeout(timer)
      if (code === 0) return resolve(true)
      // What flock(1) exits with when it may not wait.
      if (code === 1 && flags.includes('-n')) return resolve(false)
      const reason = late
        ? `another process has held it for ${timeoutMs} ms. Find it with: fuser ${path}`
        : `'flock' ended with ${signal ?? `code ${code}`}`
      reject(new UserError(`Cannot lock ${path}: ${reason}`, { retryable: late, details: { path, timeoutMs } }))
    })
  })
}
