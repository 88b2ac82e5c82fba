/**
 * What a runner does before its first build: it ends what a dead one left, and tells what became of its builds.
 *
 * A dead runner's sandboxes end by themselves when nobody listens; here they are removed at once. Only then are its builds
 * called lost: nothing of them runs any more.
 */
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { SandboxDriver } from '../driver/driver.js'
import type { BuildResult } from './build-events.js'
import {
  ARTIFACTS_FOLDER,
  isBuildId,
  LOG_FILE,
  readRecord,
  RECORD_FILE,
  TRACE_FILE,
  writeRecord,
  type BuildRecord,
} from './build-record.js'
import { TEMPORARY_SUFFIX } from '../users/atomic-file.js'
import { PARTIAL_SUFFIX } from './artifacts/index.js'
import { endedBuild, type EndedBuild } from './ended-builds.js'
import { BuildLog } from './log/index.js'

/** What can be half there: half of the artifacts is worse than none. */
const HALVES = [ARTIFACTS_FOLDER, `${ARTIFACTS_FOLDER}${PARTIAL_SUFFIX}`, TRACE_FILE]

/** What recovery found. */
export interface Recovery {
  /** Builds that had ended, and those that are lost, with the time of their end. */
  readonly ended: readonly EndedBuild[]
  /** Ids of builds that a dead runner left unfinished. */
  readonly lost: readonly string[]
}

/**
 * Goes through the folders of all builds.
 * @throws errors of the engine: while it does not answer, nobody knows what still runs
 */
export async function recoverBuilds(folder: string, driver: SandboxDriver, logBytes: number): Promise<Recovery> {
  await driver.prune()
  const ended: EndedBuild[] = []
  const lost: string[] = []
  for (const id of await readdir(folder)) {
    const path = join(folder, id)
    if (!isBuildId(id)) continue
    const record = await readRecord(path)
    if (record === null) {
      const found = await stat(join(path, RECORD_FILE)).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return null
        throw error
      })
      // Without a record nobody was told of the build: its submission did not come to its end. What is there and cannot be
      // read is not ours to throw away before its time.
      if (found === null) await rm(path, { recursive: true, force: true })
      else ended.push({ id, group: '', finishedMs: found.mtimeMs, bytes: found.size })
      continue
    }
    if (record.result === null) lost.push(id)
    else await finishLog(path, record.result, logBytes)
    ended.push(await endedBuild(path, record.result ?? (await loseBuild(path, record, logBytes))))
  }
  return { ended, lost }
}

async function loseBuild(folder: string, record: BuildRecord, logBytes: number): Promise<BuildResult> {
  for (const name of await readdir(folder))
    if (HALVES.includes(name) || name.endsWith(TEMPORARY_SUFFIX))
      await rm(join(folder, name), { recursive: true, force: true })
  const { id, tenant, submittedAt, startedAt, state } = record
  const logPath = join(folder, LOG_FILE)
  await using log = await openLog(logPath, logBytes)
  const message = `The build runner ended while the build was ${state}. Nothing of the build runs any more.`
  const result: BuildResult = {
    id,
    tenant,
    outcome: 'lost',
    steps: [],
    caches: [],
    artifacts: [],
    artifactsDir: null,
    logPath,
    logTruncated: log === null || log.truncated,
    error: { code: 'ERR_RUNNER_ENDED', message },
    submittedAt,
    startedAt,
    finishedAt: new Date().toISOString(),
    queuedMs: Math.max(0, Date.parse(startedAt ?? submittedAt) - Date.parse(submittedAt)),
    durationMs: 0,
    commit: null,
  }
  await writeRecord(folder, { ...record, state: 'finished', result }, true)
  await addLastEvent(log, result)
  return result
}

/** A runner that dies between a result and the last event of its log leaves a log that is older than its record. */
async function finishLog(folder: string, result: BuildResult, logBytes: number): Promise<void> {
  const path = join(folder, LOG_FILE)
  const [record, log] = await Promise.all([stat(join(folder, RECORD_FILE)), stat(path).catch(() => null)])
  if (log === null || log.mtimeMs >= record.mtimeMs) return
  await using resumed = await openLog(path, logBytes)
  await addLastEvent(resumed, result)
}

/** A build that had not begun has no log yet. @returns `null` for one that cannot be written: the result counts, as in a living runner */
async function openLog(path: string, maxBytes: number): Promise<BuildLog | null> {
  return BuildLog.resume(path, { maxBytes })
    .catch(() => BuildLog.create(path, { maxBytes }))
    .catch(() => null)
}

/** Unless its runner lived long enough to add it. */
async function addLastEvent(log: BuildLog | null, result: BuildResult): Promise<void> {
  if (log?.finished === false) await log.append({ type: 'finished', result })
}
