/** Real builds, from a source to a test suite that passes, without a network. `scripts/build-inputs` fetches what they need. */
import { readdirSync, readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { CommandResult, ContainerSandbox, SandboxOptions } from '../../../src/index.js'
import { withSandbox } from '../../helpers/sandboxes.js'

const INPUTS = resolve(import.meta.dirname, '../../../.cache/builds')
const PROJECT = resolve(import.meta.dirname, '../../fixtures/toolchain/npm-project')
const MIB = 1024 ** 2

const options: SandboxOptions = {
  base: 'toolchain',
  writable: ['/workspace'],
  limits: { memoryBytes: 1024 * MIB, cpuCount: Math.min(2, cpus().length), pids: 512, scratchBytes: 256 * MIB },
}

/** Puts the sources of a Debian package into `/workspace/<name>`. */
async function unpackSource(sandbox: ContainerSandbox, name: string): Promise<string> {
  const folder = join(INPUTS, 'sources')
  const file = readdirSync(folder).find(
    (entry) => entry.startsWith(`${name}_`) && /\.orig\.tar\.[a-z0-9]+$/.test(entry),
  )
  if (file === undefined) throw new Error(`${folder} has no source of ${name}: run scripts/setup --test`)
  await sandbox.fs.writeFile('/workspace/source', readFileSync(join(folder, file)))
  const guestFolder = `/workspace/${name}`
  await sandbox.fs.mkdir(guestFolder)
  await sandbox.run('tar', ['-xf', '/workspace/source', '-C', guestFolder, '--strip-components=1'], { check: true })
  return guestFolder
}

async function built(sandbox: ContainerSandbox, cwd: string, steps: readonly string[]): Promise<CommandResult[]> {
  const results: CommandResult[] = []
  for (const step of steps) {
    const result = await sandbox.shell(step, { cwd })
    expect(result, `${step}\n${result.stdout.slice(-2_000)}\n${result.stderr.slice(-2_000)}`).toMatchObject({
      outcome: 'exited',
      exitCode: 0,
    })
    results.push(result)
  }
  return results
}

describe('sources of Debian packages, from tarball to passing tests', () => {
  it.each([
    ['zlib', ['./configure', 'make -j2', 'make test'], /\*\*\* zlib shared test OK \*\*\*/],
    ['ed', ['./configure', 'make -j2', 'make check'], /tests completed successfully\./],
    ['hello', ['./configure', 'make -j2', 'make check'], /# PASS: +[1-9]\d*\n[^]*# FAIL: +0\n[^]*# ERROR: +0\n/],
  ])('%s', async (name, steps, passed) => {
    await withSandbox(options, async (sandbox) => {
      const results = await built(sandbox, await unpackSource(sandbox, name), steps)
      expect(results.at(-1)?.stdout).toMatch(passed)
    })
  })

  it('a test suite that fails is told from one that passes', async () => {
    await withSandbox(options, async (sandbox) => {
      const cwd = await unpackSource(sandbox, 'zlib')
      await sandbox.shell(`sed -i 's/^uLong ZEXPORT adler32(adler/uLong ZEXPORT adler32(wrong/' adler32.c`, {
        cwd,
        check: true,
      })
      await sandbox.shell('./configure', { cwd, check: true })
      expect(await sandbox.shell('make -j2', { cwd })).toMatchObject({ outcome: 'exited', exitCode: 2 })
    })
  })
})

describe('an npm project', () => {
  it('installs from a prepared cache and passes its tests', async () => {
    await withSandbox(options, async (sandbox) => {
      await sandbox.fs.upload(PROJECT, '/workspace/project')
      await sandbox.fs.upload(join(INPUTS, 'npm', 'cache'), '/workspace/cache')
      const cwd = '/workspace/project'
      const install = 'npm ci --offline --cache /workspace/cache --no-audit --no-fund'
      const [installed, , tested] = await built(sandbox, cwd, [
        install,
        'npm ls --all',
        'npm test --cache /workspace/cache',
      ])
      expect(installed?.stdout).toMatch(/added 8 packages/)
      expect(tested?.stdout).toMatch(/# pass 2\n# fail 0\n/)
    })
  })

  it('fails to install without the cache: there is no network', async () => {
    await withSandbox(options, async (sandbox) => {
      await sandbox.fs.upload(PROJECT, '/workspace/project')
      const result = await sandbox.shell('npm ci --offline --cache /workspace/none', { cwd: '/workspace/project' })
      expect(result).toMatchObject({ outcome: 'exited', exitCode: 1 })
      expect(result.stderr).toMatch(/ENOTCACHED/)
    })
  })
})
