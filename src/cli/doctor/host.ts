/** What this machine adds to what the engine says: descriptors, and the disk below a local engine. */
import { readFileSync } from 'node:fs'
import type { EngineInfo } from '../../driver/driver.js'
import { ok, warn, type Finding } from './finding.js'

/** Open files of this process that are plenty for a few hundred sandboxes. */
const COMFORTABLE_DESCRIPTORS = 4_096
/** A sandbox costs its host process the attached connection and, for a moment, some requests. */
const DESCRIPTORS_PER_SANDBOX = 4

/** The file system that holds a path. */
export interface FileSystemFacts {
  readonly type: string
  readonly options: readonly string[]
}

/** What this machine says of itself, judged; the disk is judged for an engine that keeps its data here. */
export function readHostFindings(info: EngineInfo | null): Finding[] {
  return [
    judgeDescriptors(readFileSync('/proc/self/limits', 'utf8')),
    ...(info === null ? [] : judgeDisk(info, readMounts(info))),
  ]
}

/** @param limits - the text of `/proc/self/limits` (proc(5)) */
export function judgeDescriptors(limits: string): Finding {
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1] ?? 'unknown'
  const found = `${soft} per process`
  const count = soft === 'unlimited' ? Infinity : Number(soft)
  if (!(count < COMFORTABLE_DESCRIPTORS))
    return ok('open files', found, 'enough for hundreds of sandboxes in one process')
  const meaning = `one process can hold about ${Math.floor(count / DESCRIPTORS_PER_SANDBOX)} sandboxes`
  return warn('open files', found, meaning, `ulimit -n ${COMFORTABLE_DESCRIPTORS}, or LimitNOFILE= of the service`)
}

/** What guests write goes to memory, so a quota is of use for writable mounts and for images only. */
export function judgeDisk(info: EngineInfo, mount: FileSystemFacts | null): Finding[] {
  const storage = `${info.storageDriver}${info.facilities?.backingFilesystem ? ` on ${info.facilities.backingFilesystem}` : ''}`
  const driver =
    info.storageDriver === 'vfs'
      ? warn(
          'storage',
          storage,
          'every image is a full copy of its base',
          'use a file system that overlay2 works on, such as ext4 or xfs',
        )
      : ok('storage', storage, 'users share every layer but their homes')
  const quota = mount?.type === 'xfs' && mount.options.some((option) => ['pquota', 'prjquota'].includes(option))
  if (quota)
    return [driver, ok('disk quota', 'xfs with pquota', 'the engine can limit what a container writes to its disk')]
  const found = mount === null ? 'unknown' : `none (${mount.type})`
  const meaning =
    'not needed by default: roots are read-only and scratch is memory of a fixed size; only writable mounts have no limit'
  return [
    driver,
    warn(
      'disk quota',
      found,
      meaning,
      'give writable mounts a file system of their own, or the engine an xfs with pquota',
    ),
  ]
}

function readMounts(info: EngineInfo): FileSystemFacts | null {
  const folder = info.facilities?.rootDirectory ?? null
  return info.local && folder !== null ? findFileSystem(readFileSync('/proc/self/mountinfo', 'utf8'), folder) : null
}

/** The file system of the deepest mount that holds `path`, from the text of a `mountinfo` (proc(5)). */
export function findFileSystem(mountinfo: string, path: string): FileSystemFacts | null {
  let best: (FileSystemFacts & { readonly target: string }) | null = null
  for (const line of mountinfo.split('\n')) {
    const [left = '', right = ''] = line.split(' - ')
    const target = left
      .split(' ')[4]
      ?.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)))
    const [type, , options = ''] = right.split(' ')
    if (target === undefined || type === undefined) continue
    const holds = target === '/' || path === target || path.startsWith(`${target}/`)
    // Of two mounts on one folder the later one is seen.
    if (holds && target.length >= (best?.target.length ?? 0)) best = { target, type, options: options.split(',') }
  }
  return best === null ? null : { type: best.type, options: best.options }
}
