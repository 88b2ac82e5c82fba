/**
 * Clearing a sandbox between two uses by one tenant.
 *
 * Theory of operation. Everything of a use that can outlast it is a process, a file on a writable mount, or an object of the
 * kernel's IPC namespace. Commands are ended with all their descendants; init does that, which the guest cannot stop, and a
 * session of its own helps no process (`images/runner/init/supervisor.c`). Then what is there is compared with what was
 * there before the first use: the processes, the contents and modes of every writable path, and what a path hands down to
 * new files. The supervisor reads them, over the channel that no guest can speak on. Whatever is left or cannot be told is an
 * error, and the caller ends the sandbox.
 *
 * What stays is what a process of the same uid could do to the supervisor without a trace of these kinds, such as lowering
 * its priority, and attributes of a writable path itself that hand nothing down (`user.*` of xattr(7)). Therefore a sandbox is
 * reused for one tenant only.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { GuestFileError, SandboxError } from '../errors.js'
import { printable } from '../printable.js'
import type { ContainerSandbox } from '../sandbox/container-sandbox.js'

/** A sandbox before its first use. */
export interface ResetBaseline {
  /** Names of folders in `/proc`. */
  readonly processes: ReadonlySet<string>
  readonly folders: ReadonlyMap<string, FolderState>
}

/** What a writable path looks like while it is empty. */
interface FolderState {
  readonly mode: number
  /** The mode of a folder that is made in it: a default ACL (acl(5)) shows nowhere else. `null`: not the guest's own, it can set none. */
  readonly newMode: number | null
}

/** Writable in every sandbox: POSIX shared memory and message queues (shm_overview(7), mq_overview(7)). */
const IPC_FOLDERS = ['/dev/shm', '/dev/mqueue']

/** System V objects, one line each below a heading (proc(5)). */
const IPC_TABLES = ['/proc/sysvipc/msg', '/proc/sysvipc/sem', '/proc/sysvipc/shm']

/** A process that was ended a moment ago can be in the list still: the pauses before the list is read again, in ms. */
const SCAN_PAUSES_MS = [10, 20, 40, 80, 160, 320, 640]

/** Entries that are removed at once: each is a call over the channel, and the supervisor's four threads do the work. */
const REMOVALS = 16

/** Names in an error message. */
const MAX_NAMED = 5

/** Reads what a fresh sandbox looks like. @throws {GuestFileError} {@link SandboxExitedError} */
export async function readBaseline(sandbox: ContainerSandbox, writable: readonly string[]): Promise<ResetBaseline> {
  const own = new Set(writable)
  const states = [...own, ...IPC_FOLDERS].map(async (path): Promise<[string, FolderState]> => {
    return [path, await stateOf(sandbox, path, own.has(path))]
  })
  const [processes, ...folders] = await Promise.all([processesOf(sandbox), ...states])
  return { processes: new Set(processes), folders: new Map(folders) }
}

/**
 * Makes a sandbox look as it did before its first use.
 * @throws {SandboxError} when something is left, or it took longer than `timeoutMs`. The sandbox is then not to be used.
 */
export async function resetSandbox(
  sandbox: ContainerSandbox,
  baseline: ResetBaseline,
  timeoutMs: number,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const expiry = new Promise<never>((_resolve, reject) => {
    const late = (): void => reject(leftover(`it took longer than resetTimeoutMs (${timeoutMs} ms)`))
    timer = setTimeout(late, timeoutMs)
  })
  const work = clear(sandbox, baseline)
  work.catch(() => undefined)
  try {
    await Promise.race([work, expiry])
  } finally {
    clearTimeout(timer)
  }
}

async function clear(sandbox: ContainerSandbox, baseline: ResetBaseline): Promise<void> {
  await endCommands(sandbox)
  await assertProcesses(sandbox, baseline.processes)
  const tables = Promise.all(IPC_TABLES.map((table) => assertNoObjects(sandbox, table)))
  await Promise.all([tables, ...[...baseline.folders].map(([path, state]) => empty(sandbox, path, state))])
  // A process that the first look missed could have written behind the broom.
  await assertProcesses(sandbox, baseline.processes)
}

async function endCommands(sandbox: ContainerSandbox): Promise<void> {
  const ends = sandbox.running.map((child) => {
    const end = new Promise<void>((resolve) => {
      child.once('exit', () => resolve())
      child.once('error', () => resolve())
    })
    child.kill('SIGKILL', 'tree')
    return end
  })
  await Promise.all(ends)
}

async function assertProcesses(sandbox: ContainerSandbox, ours: ReadonlySet<string>): Promise<void> {
  const strangers = async () => (await processesOf(sandbox)).filter((pid) => !ours.has(pid))
  let others = await strangers()
  for (const pauseMs of SCAN_PAUSES_MS) {
    if (others.length === 0) return
    await delay(pauseMs)
    others = await strangers()
  }
  if (others.length > 0) throw leftover(`${others.length} processes are left: ${listed(others)}`)
}

async function assertNoObjects(sandbox: ContainerSandbox, table: string): Promise<void> {
  const lines = (await sandbox.fs.readFile(table, 'utf8')).trim().split('\n')
  if (lines.length > 1) throw leftover(`${lines.length - 1} objects are left in ${table}`)
}

async function empty(sandbox: ContainerSandbox, folder: string, before: FolderState): Promise<void> {
  const found = await namesIn(sandbox, folder)
  if (found.length > 0) {
    await removeAll(sandbox, folder, found)
    const left = await namesIn(sandbox, folder)
    if (left.length > 0) throw leftover(`${left.length} entries are left in ${folder}: ${listed(left)}`)
  }
  const now = await stateOf(sandbox, folder, before.newMode !== null)
  assertMode(folder, now.mode, before.mode)
  assertMode(`a new folder in ${folder}`, now.newMode, before.newMode)
}

function assertMode(what: string, now: number | null, before: number | null): void {
  if (now !== before) throw leftover(`the mode of ${what} is ${now?.toString(8)} instead of ${before?.toString(8)}`)
}

async function removeAll(sandbox: ContainerSandbox, folder: string, names: readonly string[]): Promise<void> {
  try {
    await removeEach(sandbox, folder, names)
  } catch (error) {
    if (!(error instanceof GuestFileError) || (error.code !== 'EACCES' && error.code !== 'EPERM')) throw error
    // Build tools make folders of their caches read-only: their owner may undo that.
    await sandbox.run('chmod', ['-R', 'u+rwX', '--', folder], { outputBytes: 1 })
    await removeEach(sandbox, folder, names)
  }
}

async function removeEach(sandbox: ContainerSandbox, folder: string, names: readonly string[]): Promise<void> {
  const left = names.values()
  const worker = async (): Promise<void> => {
    for (const name of left) await sandbox.fs.rm(`${folder}/${name}`, { recursive: true, force: true })
  }
  await Promise.all(Array.from({ length: Math.min(REMOVALS, names.length) }, worker))
}

async function namesIn(sandbox: ContainerSandbox, folder: string): Promise<readonly string[]> {
  return (await sandbox.fs.readdir(folder)).map(({ name }) => name)
}

async function processesOf(sandbox: ContainerSandbox): Promise<readonly string[]> {
  return (await namesIn(sandbox, '/proc')).filter((name) => /^\d+$/.test(name))
}

async function modeOf(sandbox: ContainerSandbox, path: string): Promise<number> {
  return (await sandbox.fs.lstat(path)).mode
}

async function stateOf(sandbox: ContainerSandbox, folder: string, isOwn: boolean): Promise<FolderState> {
  const [mode, newMode] = await Promise.all([modeOf(sandbox, folder), isOwn ? newModeIn(sandbox, folder) : null])
  return { mode, newMode }
}

async function newModeIn(sandbox: ContainerSandbox, folder: string): Promise<number> {
  const path = `${folder}/new`
  await sandbox.fs.mkdir(path)
  const mode = await modeOf(sandbox, path)
  await sandbox.fs.rm(path, { recursive: true })
  return mode
}

function leftover(what: string): SandboxError {
  return new SandboxError('ERR_RESET', `the sandbox cannot be used again: ${what}; it is discarded`)
}

function listed(names: readonly string[]): string {
  const more = names.length > MAX_NAMED ? ', …' : ''
  return (
    names
      .slice(0, MAX_NAMED)
      .map((name) => printable(name, 60))
      .join(', ') + more
  )
}
