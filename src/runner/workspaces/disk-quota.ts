/** Whether this host can make disk workspaces. */
import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { access, readFile, readlink } from 'node:fs/promises'
import type { EngineInfo } from '../../driver/driver.js'
import { mountSourceProblem } from '../../options/index.js'
import { printable } from '../../printable.js'
import { diskPlace, openDiskWorkspace } from './disk-workspace.js'
import { findHostTools } from './host-tools.js'

/** What was found. */
export interface DiskQuota {
  readonly available: boolean
  /** Why not; `null` when it is available. */
  readonly reason: string | null
  /** What to do about it; `null` when it is available. */
  readonly hint: string | null
}

/** What the engine says of itself. */
export type EngineFacts = Pick<EngineInfo, 'local' | 'securityOptions'>

const AVAILABLE: DiskQuota = Object.freeze({ available: true, reason: null, hint: null })
const unavailable = (reason: string, hint: string): DiskQuota => Object.freeze({ available: false, reason, hint })

/** The bit of CAP_SYS_ADMIN (linux/capability.h). */
const SYS_ADMIN = 1n << 21n

/** Where dockerd writes its pid (dockerd(8), `--pidfile`). */
const DOCKER_PID_FILE = '/run/docker.pid'

const TRIAL_BYTES = 2 * 1024 ** 2

/**
 * Looks for what is needed, and then makes a small one and ends it.
 * @param folder - where workspaces are, which exists
 * @param engine - `null` when it is not known; then only making a sandbox tells (`Workspace.assertMounted`)
 */
export async function probeDiskQuota(folder: string, engine: EngineFacts | null): Promise<DiskQuota> {
  return (await findObstacle(folder, engine)) ?? (await tryOne(folder))
}

async function findObstacle(folder: string, engine: EngineFacts | null): Promise<DiskQuota | null> {
  if (engine?.local === false) return unavailable('the engine runs on another machine', 'run builds on that machine')
  if (engine?.securityOptions.some((option) => /\b(?:rootless|userns)\b/.test(option)) === true)
    return unavailable('the engine maps uids', 'use an engine with root and without userns-remap')
  const problem = mountSourceProblem(folder)
  if (problem !== null)
    return unavailable(`${printable(folder, 200)} cannot be mounted: ${problem}`, 'give another stateDir')
  if (!hasSysAdmin(await readFile('/proc/self/status', 'utf8')))
    return unavailable('this process may not mount file systems', 'run the build service as root (CAP_SYS_ADMIN)')
  if (!(await sharesMountNamespace()))
    return unavailable(
      'this process has a mount namespace of its own, so the engine does not see its mounts',
      'run the build service without PrivateTmp=, ProtectSystem= and the like, or outside of a container',
    )
  if (!(await exists('/dev/loop-control'))) return unavailable('there are no loop devices', 'modprobe loop')
  const tools = findHostTools()
  return 'packageName' in tools
    ? unavailable(`the command ${tools.name} is missing`, `apt-get install ${tools.packageName}`)
    : null
}

async function tryOne(folder: string): Promise<DiskQuota> {
  const tools = findHostTools()
  if ('packageName' in tools) return unavailable(`the command ${tools.name} is missing`, 'install it')
  try {
    const workspace = await openDiskWorkspace(tools, diskPlace(folder, randomUUID()), TRIAL_BYTES)
    await workspace.close()
    return AVAILABLE
  } catch (error) {
    const hasExt4 = (await readFile('/proc/filesystems', 'utf8')).includes('\text4\n')
    const hint = hasExt4
      ? `look at what is below ${printable(folder, 200)}: it needs room, and fallocate(2) as ext4, xfs and btrfs have it`
      : 'use a kernel with ext4'
    return unavailable(printable((error as Error).message, 300), hint)
  }
}

/** @param status - the text of `/proc/self/status` (proc_pid_status(5)) */
export function hasSysAdmin(status: string): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1]
  return effective !== undefined && (BigInt(`0x${effective}`) & SYS_ADMIN) !== 0n
}

/** Engines live in the namespace of the first process, unless Docker's own file names another. Unknown counts as shared. */
async function sharesMountNamespace(): Promise<boolean> {
  const pid = await readFile(DOCKER_PID_FILE, 'latin1').catch(() => '')
  const engine = /^\d+$/.test(pid.trim()) ? await mountNamespace(pid.trim()) : null
  const other = engine ?? (await mountNamespace('1'))
  return other === null || other === (await mountNamespace('self'))
}

function mountNamespace(pid: string): Promise<string | null> {
  return readlink(`/proc/${pid}/ns/mnt`).catch(() => null)
}

function exists(path: string): Promise<boolean> {
  return access(path, constants.F_OK).then(
    () => true,
    () => false,
  )
}
