import { readFile, readlink } from 'node:fs/promises'
import { z } from 'zod'

/**
 * Names one process of one boot. A pid alone is reused; with the start time in clock ticks (proc_pid_stat(5), field 22), the boot
 * id and the PID namespace it is not.
 */
export const processIdentitySchema = z.strictObject({
  pid: z.number().int().positive(),
  startTicks: z.string().regex(/^\d+$/),
  bootId: z.string().min(1).max(64),
  pidNamespace: z.string().min(1).max(64),
})

/** A process such that no later one with the same pid is taken for it. */
export type ProcessIdentity = Readonly<z.output<typeof processIdentitySchema>>

/** What can be said about a process: `unknown` when it belongs to another PID namespace. */
export type ProcessState = 'alive' | 'dead' | 'unknown'

/** The running process. */
export async function readOwnIdentity(): Promise<ProcessIdentity> {
  const [bootId, pidNamespace, stat] = await Promise.all([
    readBootId(),
    readlink('/proc/self/ns/pid'),
    readStat('self'),
  ])
  return Object.freeze({ pid: process.pid, startTicks: stat?.startTicks ?? '0', bootId, pidNamespace })
}

/** The random id that the kernel gives to each boot (random(4), `boot_id`). */
export async function readBootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
}

/** Whether the process that `identity` names still runs. `own` is the caller's identity. */
export async function findProcessState(identity: ProcessIdentity, own: ProcessIdentity): Promise<ProcessState> {
  if (identity.bootId !== own.bootId) return 'dead'
  if (identity.pidNamespace !== own.pidNamespace) return 'unknown'
  const stat = await readStat(String(identity.pid))
  if (stat !== null) return stat.startTicks === identity.startTicks && !stat.ended ? 'alive' : 'dead'
  // Under the mount option hidepid another user's process has no folder in /proc, but kill(2) still tells that it is there.
  try {
    process.kill(identity.pid, 0)
    return 'alive'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH' ? 'dead' : 'alive'
  }
}

async function readStat(pid: string): Promise<{ readonly startTicks: string; readonly ended: boolean } | null> {
  let text
  try {
    text = await readFile(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return null
  }
  // The command's name is in parentheses and may itself hold spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [state, startTicks] = [fields[0], fields[22 - 3]]
  return startTicks === undefined ? null : { startTicks, ended: state === 'Z' || state === 'X' }
}
