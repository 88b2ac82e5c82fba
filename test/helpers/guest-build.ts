/**
 * Lays out a folder as `/.sandbox` is laid out in an image: the bundles from the sources, init, and node under a loader
 * that its uid cannot read. The folder is named after its content and stays for the next test process; one that nobody has
 * asked for in a day goes when another is made.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { buildInit } from './init-build.ts'

const root = join(import.meta.dirname, '../..')

const PREFIX = 'container-sandbox-guest-'
const UNUSED_MS = 86_400_000

/** What the folder holds besides node and its libraries, by file name. */
type Parts = ReadonlyMap<string, Uint8Array>

let built: Promise<string> | undefined

/** @returns the folder. */
export function buildGuest(): Promise<string> {
  built ??= provide()
  return built
}

async function provide(): Promise<string> {
  const [init, bundles] = await Promise.all([buildInit().then((path) => readFile(path)), bundle()])
  const parts: Parts = new Map([['bin/init', init], ...bundles])
  const hash = createHash('sha256').update(process.version)
  for (const [name, content] of parts) hash.update(`\0${name}\0`).update(content)
  // Below the system's folder and not in the checkout, which the guest's uid may not be able to enter.
  const folder = join(tmpdir(), PREFIX + hash.digest('hex').slice(0, 16))
  if (!existsSync(folder)) {
    await removeUnused()
    await layOut(folder, parts)
  }
  await utimes(folder, new Date(), new Date())
  return folder
}

async function removeUnused(): Promise<void> {
  for (const name of (await readdir(tmpdir())).filter((name) => name.startsWith(PREFIX))) {
    const path = join(tmpdir(), name)
    const found = await stat(path).catch(() => null)
    if (found !== null && Date.now() - found.mtimeMs > UNUSED_MS) await rm(path, { recursive: true, force: true })
  }
}

async function bundle(): Promise<[string, Uint8Array][]> {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: { shovel: 'src/shovel/main.ts', program: 'src/shovel/program/main.ts' },
    outdir: '/',
    outExtension: { '.js': '.cjs' },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    logLevel: 'warning',
    write: false,
  })
  return outputFiles.map(({ path, contents }) => [basename(path), contents])
}

/** Another test process may do the same at this moment: who is first wins, and what they made is the same. */
async function layOut(folder: string, parts: Parts): Promise<void> {
  const partial = await mkdtemp(`${folder}-`)
  await chmod(partial, 0o755)
  await Promise.all([mkdir(join(partial, 'bin')), mkdir(join(partial, 'lib'))])
  for (const [name, content] of parts) await writeFile(join(partial, name), content)
  await chmod(join(partial, 'bin/init'), 0o711)
  await copyLibraries(partial)
  await rename(partial, folder).catch(() => rm(partial, { recursive: true }))
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
