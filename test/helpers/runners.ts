/** Build runners for tests: opened on a folder of their own, handed over, and always closed. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BuildEvent, BuildOptions, BuildResult, RunnerOptions } from '../../src/index.js'
import { BuildRunner } from '../../src/index.js'

/** A fresh folder that is removed afterwards. */
export async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'runner-'))
  try {
    return await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Runs `work` with a runner that is closed afterwards, its builds canceled. No pool unless asked for. */
export async function withRunner<T>(options: RunnerOptions, work: (runner: BuildRunner) => Promise<T>): Promise<T> {
  return withFolder(async (folder) => {
    const runner = await BuildRunner.open({ stateDir: join(folder, 'state'), pool: { idle: 0 }, ...options })
    try {
      return await work(runner)
    } finally {
      await runner.close({ cancel: true })
    }
  })
}

/** Everything that a build did. */
export interface Followed {
  readonly result: BuildResult
  readonly events: readonly BuildEvent[]
  /** Both outputs of all steps, in the order of the log. */
  readonly output: string
}

/** Submits a build of one tenant and follows it to its end. */
export async function build(
  runner: BuildRunner,
  options: Partial<BuildOptions> & Pick<BuildOptions, 'steps'>,
): Promise<Followed> {
  const handle = await runner.submit({ tenant: 'acme', ...options })
  const events: BuildEvent[] = []
  for await (const event of handle) events.push(event)
  const output = events.map((event) => (event.type === 'output' ? event.text : '')).join('')
  return { result: await handle.result, events, output }
}
