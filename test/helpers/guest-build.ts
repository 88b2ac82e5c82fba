/** Builds init and the guest bundles from the sources into a folder of the test process; once per process. */
import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { mkdtemp, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'

const root = join(import.meta.dirname, '../..')

/** Where the parts are. `sandboxDir` stands for `/.sandbox`, without a loader and libraries. */
export interface GuestBuild {
  readonly sandboxDir: string
  readonly init: string
  readonly shovel: string
}

let built: Promise<GuestBuild> | undefined

export function buildGuest(): Promise<GuestBuild> {
  built ??= buildInto(root)
  return built
}

async function buildInto(source: string): Promise<GuestBuild> {
  const sandboxDir = await mkdtemp(join(tmpdir(), 'container-sandbox-guest-'))
  process.once('exit', () => rmSync(sandboxDir, { recursive: true, force: true }))
  const initSources = join(source, 'images/runner/init')
  const files = (await readdir(initSources))
    .filter((file) => file.endsWith('.c'))
    .map((file) => join(initSources, file))
  const init = join(sandboxDir, 'init')
  await Promise.all([
    promisify(execFile)('gcc', ['-O1', '-o', init, ...files]),
    build({
      entryPoints: { shovel: join(source, 'src/shovel/main.ts'), program: join(source, 'src/shovel/program/main.ts') },
      outdir: sandboxDir,
      outExtension: { '.js': '.cjs' },
      bundle: true,
      platform: 'node',
      format: 'cjs',
      target: 'node20',
      logLevel: 'warning',
    }),
  ])
  return { sandboxDir, init, shovel: join(sandboxDir, 'shovel.cjs') }
}
