/** Mounts and loop devices of this host, as the kernel tells them. */
import { readFile, readdir } from 'node:fs/promises'
import { WorkspaceError } from '../../errors.js'
import { printable } from '../../printable.js'
import { setTimeout as wait } from 'node:timers/promises'
import { runHostCommand } from '../host-command.js'
import type { HostTools } from './host-tools.js'

/** One line of `mountinfo` (proc_pid_mountinfo(5)). */
export interface HostMount {
  readonly target: string
  readonly type: string
  /** For a loop device `/dev/loop<n>`. */
  readonly device: string
}

/** A loop device and the file behind it. */
export interface LoopDevice {
  readonly device: string
  /** As it was named when the device was made; ` (deleted)` is cut off. */
  readonly file: string
}

const LOOP_FOLDER = '/sys/block'

/** mount(8) and umount(8) answer in milliseconds; a disk that hangs is not waited for. */
const COMMAND_TIMEOUT_MS = 60_000

/** How long an unmount waits for what still has a file open, in turns. */
const BUSY_WAITS_MS = [20, 50, 100, 200, 400]

/** The mounts of this process' namespace, in the order in which they were made. */
export async function readMounts(): Promise<HostMount[]> {
  return parseMounts(await readFile('/proc/self/mountinfo', 'utf8'))
}

/** @param text - of a `mountinfo` */
export function parseMounts(text: string): HostMount[] {
  return text.split('\n').flatMap((line) => {
    const [left = '', right = ''] = line.split(' - ')
    const target = left.split(' ')[4]
    const [type, device] = right.split(' ')
    return target === undefined || type === undefined || device === undefined
      ? []
      : [{ target: unescaped(target), type, device: unescaped(device) }]
  })
}

/** Loop devices that have a file. */
export async function readLoopDevices(): Promise<LoopDevice[]> {
  const names = (await readdir(LOOP_FOLDER).catch(() => [])).filter((name) => /^loop\d+$/.test(name))
  const devices = await Promise.all(
    names.map(async (name) => {
      const file = await readFile(`${LOOP_FOLDER}/${name}/loop/backing_file`, 'utf8').catch(() => null)
      return file === null
        ? []
        : [{ device: `/dev/${name}`, file: file.replace(/\n$/, '').replace(/ \(deleted\)$/, '') }]
    }),
  )
  return devices.flat()
}

/**
 * Unmounts what is mounted on a folder. What is busy for longer than a second is taken out of the tree at once and ends when
 * its last file is closed.
 * @throws {WorkspaceError}
 */
export async function unmount(tools: HostTools, target: string): Promise<void> {
  for (const delayMs of BUSY_WAITS_MS) {
    const end = await runHostCommand({ file: tools.umount, args: ['-i', '-c', target], timeoutMs: COMMAND_TIMEOUT_MS })
    if (end.code === 0 || /not mounted|no mount point/.test(end.stderr)) return
    if (!/busy/.test(end.stderr)) break
    await wait(delayMs)
  }
  const end = await runHostCommand({
    file: tools.umount,
    args: ['-i', '-c', '-l', target],
    timeoutMs: COMMAND_TIMEOUT_MS,
  })
  if (end.code === 0 || /not mounted|no mount point/.test(end.stderr)) return
  throw new WorkspaceError(`Cannot unmount ${printable(target, 300)}: ${printable(end.stderr.trim(), 300)}`, {
    details: { why: 'cannot unmount', target },
  })
}

/** Frees a loop device that nothing has mounted; one that is in use is freed when it no longer is. */
export async function detachLoop(tools: HostTools, device: string): Promise<void> {
  await runHostCommand({ file: tools.losetup, args: ['-d', device], timeoutMs: COMMAND_TIMEOUT_MS })
}

/** White space and backslashes are octal in the kernel's tables. */
function unescaped(text: string): string {
  return text.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)))
}
