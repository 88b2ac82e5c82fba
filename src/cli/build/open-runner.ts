/** The runner of one build. */
import { join } from 'node:path'
import { InvalidStateError } from '../../errors.js'
import { BuildRunner } from '../../runner/build-runner.js'
import { defaultStateFolder } from '../../users/state-folder.js'
import type { BuildFlags } from './build-flags.js'

/** A state folder has one living runner. Builds at the same time each take another of these, whose caches they find again. */
const MAX_SLOTS = 64
/** Logs and artifacts of one's own builds, for each folder. */
const KEEP_BUILDS = 20
/** All output comes out of the log: what it has no room for is not shown either. */
const LOG_BYTES = 64 * 1024 ** 2

/**
 * Opens a runner in the folder of `--state-dir`, else in the first one of this user that no other call has.
 * @throws {InvalidStateError} when a runner has the folder; what {@link BuildRunner.open} throws
 */
export async function openRunner(flags: BuildFlags): Promise<BuildRunner> {
  if (flags.stateDir !== undefined) return open(flags, flags.stateDir)
  for (let slot = 0; ; slot += 1) {
    try {
      return await open(flags, join(defaultStateFolder(), 'cli-builds', String(slot)))
    } catch (error) {
      if (!(error instanceof InvalidStateError) || slot + 1 >= MAX_SLOTS) throw error
    }
  }
}

function open(flags: BuildFlags, stateDir: string): Promise<BuildRunner> {
  return BuildRunner.open({
    stateDir,
    concurrency: 1,
    // One build comes, and it need not wait for a second sandbox.
    pool: { idle: 0 },
    keepBuilds: KEEP_BUILDS,
    logBytes: LOG_BYTES,
    // As `run` does: whoever waits sees it.
    engineWaitMs: 0,
    ...(flags.network === undefined ? {} : { network: flags.network }),
    ...(flags.runtime === undefined ? {} : { runtime: flags.runtime }),
  })
}
