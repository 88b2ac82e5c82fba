/**
 * Reads what is in force for a container from this machine's `/proc` and cgroups.
 *
 * Theory of operation. The engine names the pid of the container's first process; that this pid is a process of that
 * container, on this machine and in this PID namespace, is believed only when its `/proc/<pid>/cgroup` names the container's
 * id (64 hexadecimal digits, not to be guessed and written only by the engine). All other processes are those of the same
 * cgroup: the guest cannot leave it, the cgroup file system is read-only inside.
 */
import { readFileSync } from 'node:fs'
import { readFile, readdir, readlink } from 'node:fs/promises'
import type { KernelObservation, ThreadStatus } from '../../policy/observation.js'
import {
  type CgroupEntry,
  parseCgroup,
  parseLimits,
  parseMountinfo,
  parseNetDev,
  parseStatus,
} from '../../policy/proc-parse.js'
import { readCgroupLimits } from './cgroup-limits.js'

const NAMESPACES = ['net', 'pid', 'ipc', 'uts', 'mnt'] as const

/**
 * @param id the container's full id
 * @param pid its first process as the engine reported it
 * @returns `null` when that pid is no process of that container here: a remote engine, or one in another PID namespace
 */
export async function readKernelObservation(
  id: string,
  pid: number,
  signal?: AbortSignal,
): Promise<KernelObservation | null> {
  const cgroups = pid > 0 ? await readCgroups(pid) : null
  if (cgroups === null || !belongsTo(cgroups, id)) return null
  signal?.throwIfAborted()
  const { limits, processes } = await readCgroupLimits(cgroups)
  const pids = processes ?? (await findProcesses(id))
  const [threads, mountinfo, rlimits, netDev, privateNamespaces] = await Promise.all([
    readThreads(pids),
    readFile(`/proc/${pid}/mountinfo`, 'utf8'),
    readFile(`/proc/${pid}/limits`, 'utf8'),
    readFile(`/proc/${pid}/net/dev`, 'utf8'),
    comparePrivateNamespaces(pid),
  ])
  signal?.throwIfAborted()
  return {
    source: 'host',
    threads,
    mounts: parseMountinfo(mountinfo),
    rlimits: parseLimits(rlimits),
    interfaces: parseNetDev(netDev),
    privateNamespaces,
    cgroup: limits,
  }
}

function belongsTo(cgroups: readonly CgroupEntry[], id: string): boolean {
  return /^[0-9a-f]{64}$/.test(id) && cgroups.some(({ path }) => path.includes(id))
}

async function readCgroups(pid: number): Promise<CgroupEntry[] | null> {
  const text = await ifThere(readFile(`/proc/${pid}/cgroup`, 'utf8'))
  return text === null ? null : parseCgroup(text)
}

/** The slow way, where the cgroup file system is not mounted: every process whose cgroup names the container. */
async function findProcesses(id: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const cgroups = await Promise.all(pids.map(readCgroups))
  return pids.filter((_, index) => belongsTo(cgroups[index] ?? [], id))
}

/** Threads come and go while they are read; those that are gone are left out. */
async function readThreads(pids: readonly number[]): Promise<ThreadStatus[]> {
  const perProcess = await Promise.all(
    pids.map(async (pid) => {
      const tids = (await ifThere(readdir(`/proc/${pid}/task`))) ?? []
      return tids.map((tid) => readThread(pid, Number(tid)))
    }),
  )
  return perProcess.flat().filter((thread) => thread !== null)
}

/** At once, since the kernel makes the text in some 20 µs: handing each to another thread took four times as long. */
function readThread(pid: number, tid: number): ThreadStatus | null {
  try {
    return parseStatus(readFileSync(`/proc/${pid}/task/${tid}/status`, 'utf8'), pid, tid)
  } catch (error) {
    if (isGone(error)) return null
    throw error
  }
}

/**
 * Compares with the namespaces of this process, which are the host's for a local engine. A kind that may not be read is left
 * out: without root only processes of the same uid may be.
 */
async function comparePrivateNamespaces(pid: number): Promise<Record<string, boolean>> {
  const kinds = await Promise.all(
    NAMESPACES.map(async (kind) => {
      const [ours, theirs] = await Promise.all([
        readlink(`/proc/self/ns/${kind}`),
        ifThere(readlink(`/proc/${pid}/ns/${kind}`), ['EACCES', 'EPERM']),
      ])
      return [kind, theirs === null ? null : ours !== theirs] as const
    }),
  )
  return Object.fromEntries(kinds.filter((entry): entry is [(typeof entry)[0], boolean] => entry[1] !== null))
}

/** `null` for what is gone. */
async function ifThere<T>(reading: Promise<T>, alsoCodes: readonly string[] = []): Promise<T | null> {
  try {
    return await reading
  } catch (error) {
    if (isGone(error, alsoCodes)) return null
    throw error
  }
}

/** A missing file, or a process that ended while it was read. */
function isGone(error: unknown, alsoCodes: readonly string[] = []): boolean {
  return ['ENOENT', 'ESRCH', ...alsoCodes].includes((error as NodeJS.ErrnoException).code ?? '')
}
