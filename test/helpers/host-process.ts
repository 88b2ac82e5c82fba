/**
 * A process of its own that uses the package, for tests that kill it.
 *
 * It runs the sources, translated file by file into a folder laid out as the package: Node 20 takes no TypeScript, and `dist` may be
 * older than the sources.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { build } from 'esbuild'

const root = join(import.meta.dirname, '../..')

export type HostProcess = ChildProcessByStdio<null, Readable, null>

/**
 * Runs `work` with a process that runs `script`, an ES module; both are gone afterwards. `script` finds the modules of `src` in
 * `process.env.PACKAGE`, for example `import(process.env.PACKAGE + '/index.js')`.
 */
export async function withHostProcess<T>(script: string, work: (host: HostProcess) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'host-process-'))
  try {
    await translate(folder)
    const host = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      env: { ...process.env, PACKAGE: join(folder, 'dist') },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    try {
      return await work(host)
    } finally {
      host.kill('SIGKILL')
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function translate(folder: string): Promise<void> {
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  const entryPoints = files.filter((name) => name.endsWith('.ts')).map((name) => join('src', name))
  await build({
    absWorkingDir: root,
    entryPoints,
    outbase: 'src',
    outdir: join(folder, 'dist'),
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'warning',
  })
  const parts = ['images', 'node_modules', 'package.json', 'Dockerfile.runner', 'dist/guest']
  for (const part of parts) await symlink(join(root, part), join(folder, part))
}
