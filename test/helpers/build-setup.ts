/** Builds `dist` once before tests that run the built package, when a source is newer. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

export async function setup(): Promise<void> {
  await promisify(execFile)(process.execPath, ['scripts/build-when-stale.mjs'])
}
