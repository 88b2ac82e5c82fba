/**
 * What is kept of a workspace when a build has ended.
 *
 * Theory of operation. What the globs select is streamed out of the sandbox and through the extractor, which opens no link
 * and leaves no folder; each entry is judged on the host before it is written. All goes into a folder beside the target,
 * which takes the target's name only when everything is there: artifacts are whole, or there are none. A runner that dies
 * leaves at most the folder beside.
 */
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { ArtifactError, HostFileError, SandboxError, UnsafeArchiveError } from '../../errors.js'
import { compileSelection } from '../../glob/index.js'
import type { ResolvedBuildArtifacts } from '../../options/index.js'
import { printable } from '../../printable.js'
import type { ContainerSandbox } from '../../sandbox/container-sandbox.js'
import { extractArchive } from '../../sandbox/extract-archive.js'
import { openHostFolder } from '../../sandbox/host-folder.js'
import { count } from '../../telemetry/index.js'
import type { ArtifactFile } from '../build-events.js'
import { ArtifactJudge } from './artifact-judge.js'

/** What the folder is called beside the target while it is filled: the target's own name and this. */
export const PARTIAL_SUFFIX = '.partial'

/** PATH_MAX of Linux (limits.h), which counts the NUL at the end. */
const PATH_MAX = 4096
/** NAME_MAX (limits.h): a file has another name of its folder while it is written. */
const NAME_MAX = 255

/** What is to be collected, and where to. */
export interface ArtifactRequest {
  /** The guest's folder that the globs begin at. */
  readonly workspace: string
  readonly artifacts: Pick<ResolvedBuildArtifacts, 'paths' | 'maxBytes' | 'maxFiles'>
  /** A folder of the host that is not there or empty. Its parents are made. */
  readonly target: string
  readonly signal: AbortSignal
}

/** What was collected. */
export interface CollectedArtifacts {
  /** Sorted by path. Folders on the way to a file that no glob selects by themselves are made, and not listed. */
  readonly files: readonly ArtifactFile[]
  /** Files, links and folders, also those that are not listed. */
  readonly entries: number
  readonly bytes: number
  /** Sockets, FIFOs, devices and files whose names are not UTF-8, which are left out; as the guest says. */
  readonly skipped: number
}

/**
 * Takes what the globs select out of a sandbox. When that is nothing, no folder is made.
 *
 * Kept are files, folders and links that stay inside, with nine permission bits; neither owners nor times. Names are kept
 * as they are, so a path can hold any character but NUL.
 *
 * @throws {ArtifactError} when there are more than the caps, or something that may not be kept: a link that leads out, a
 * device, a path that is too long. {@link HostFileError} when the host cannot write; {@link GuestFileError} when the guest
 * cannot read. Whatever is thrown, nothing is left.
 */
export async function collectArtifacts(
  sandbox: Pick<ContainerSandbox, 'fs'>,
  request: ArtifactRequest,
): Promise<CollectedArtifacts> {
  const target = resolve(request.target)
  const partial = target + PARTIAL_SUFFIX
  if (request.artifacts.paths.length === 0) return { files: [], entries: 0, bytes: 0, skipped: 0 }
  try {
    await makeFresh(target, partial)
    const { judge, skipped } = await receive(sandbox, request, partial)
    if (judge.files.length === 0) await rm(partial, { recursive: true })
    else await rename(partial, target)
    count('container_sandbox.build.bytes', judge.bytes, { kind: 'artifact' })
    const files = judge.files.sort((a, b) => (a.path < b.path ? -1 : 1))
    return { files, entries: judge.entries, bytes: judge.bytes, skipped }
  } catch (error) {
    // What failed says more than a folder that cannot be removed; the next to collect here removes it first.
    await rm(partial, { recursive: true, force: true }).catch(() => undefined)
    throw typed(error, target)
  }
}

async function makeFresh(target: string, partial: string): Promise<void> {
  const taken = await readdir(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  if (taken.length > 0) throw new HostFileError('ENOTEMPTY', 'cannot keep artifacts in', printable(target, 200))
  await (await openHostFolder(dirname(target))).close()
  await rm(partial, { recursive: true, force: true })
  await mkdir(partial, { mode: 0o700 })
}

async function receive(sandbox: Pick<ContainerSandbox, 'fs'>, request: ArtifactRequest, partial: string) {
  const { workspace, artifacts, signal } = request
  const { paths: select, maxFiles, maxBytes } = artifacts
  const maxPathBytes = PATH_MAX - Buffer.byteLength(partial) - NAME_MAX - 2
  const judge = new ArtifactJudge(compileSelection(select), { maxFiles, maxBytes, maxPathBytes })
  const extract = (stream: Parameters<typeof extractArchive>[0]) =>
    // The judge has the caps, and words for them that fit.
    extractArchive(stream, partial, { maxBytes: Infinity, maxEntries: Infinity }, (entry) => judge.admit(entry))
  const { skipped } = await sandbox.fs.downloadArchive(workspace, extract, { select, signal })
  return { judge, skipped }
}

function typed(error: unknown, target: string): unknown {
  if (error instanceof UnsafeArchiveError) {
    const hint = error.details['why'] === 'is a link that leads out' ? "; take it out with '!' before a glob" : ''
    return new ArtifactError(`${error.message}${hint}`, { details: error.details, cause: error })
  }
  if (error instanceof SandboxError) return error
  const { code } = error as NodeJS.ErrnoException
  if (code === undefined || !/^E[A-Z0-9]+$/.test(code)) return error
  return new HostFileError(code, 'cannot keep artifacts in', printable(target, 200), { cause: error })
}
