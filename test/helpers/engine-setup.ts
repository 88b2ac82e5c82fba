/**
 * Runs once before the projects that need an engine. A missing engine fails the suite with one message: a test that is
 * skipped proves nothing.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const execute = promisify(execFile)

export async function setup(): Promise<void> {
  try {
    await execute(process.execPath, ['scripts/engine-ping.mjs', '--deadline-ms', '5000'])
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string }
    throw new Error(`These tests need a container engine. ${stderr.trim()} Run scripts/setup first.`, { cause: error })
  }
}
