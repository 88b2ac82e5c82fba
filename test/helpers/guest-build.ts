/**
 * Lays out a folder as `/.sandbox` is laid out in an image: the bundles from the sources, init, and node under a loader
 * that its uid cannot read. Once per test process.
 */
import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { chmod, copyFile, mkdir, mkdtemp, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { buildInit } from './init-build.ts'

const root = join(import.meta.dirname, '../..')

let built: Promise<string> | undefined

/** @returns the folder. */
export function buildGuest(): Promise<string> {
  built ??= layOut()
  return built
}

async function layOut(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'container-sandbox-guest-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  await chmod(folder, 0o755)
  await Promise.all([mkdir(join(folder, 'bin')), mkdir(join(folder, 'lib'))])
  await Promise.all([bundle(folder), copyInit(folder), copyLibraries(folder)])
  return folder
}

async function bundle(folder: string): Promise<void> {
  await build({
    absWorkingDir: root,
    entryPoints: { shovel: 'src/shovel/main.ts', program: 'src/shovel/program/main.ts' },
    outdir: folder,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    logLevel: 'warning',
  })
}

async function copyInit(folder: string): Promise<void> {
  await copyFile(await buildInit(), join(folder, 'bin/init'))
  await chmod(join(folder, 'bin/init'), 0o711)
}

async function copyLibraries(folder: string): Promise<void> {
  await symlink(process.execPath, join(folder, 'bin/node'))
  const { stdout } = await promisify(execFile)('ldd', [process.execPath])
  const libraries = stdout.match(/\/\S+/g) ?? []
  for (const library of libraries) {
    const isLoader = basename(library).startsWith('ld-')
    const copy = join(folder, 'lib', isLoader ? 'ld.so' : basename(library))
    await copyFile(library, copy)
    await chmod(copy, isLoader ? 0o711 : 0o755)
  }
}
