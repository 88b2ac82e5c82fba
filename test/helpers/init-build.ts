/** Builds of init and tracer for tests: the shipped ones, and variants with a protection off. */
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = join(import.meta.dirname, '..', '..')

/** The path of the init that is shipped, built when its sources are newer. */
export async function buildInit(): Promise<string> {
  return buildProgram('init')
}

/** The path of the tracer that is shipped, built when its sources are newer. */
export async function buildTracer(): Promise<string> {
  return buildProgram('tracer')
}

async function buildProgram(name: string): Promise<string> {
  await run(process.execPath, ['scripts/build.mjs', '--c-only'], { cwd: root })
  return join(root, 'dist', 'guest', name)
}

/** Compiles a variant that the package never ships; `define` names what is left out of it. */
export async function buildInitVariant(define: 'INIT_TEST_DUMPABLE'): Promise<string> {
  const folder = join(root, 'images', 'runner', 'init')
  const sources = (await readdir(folder)).filter((name) => name.endsWith('.c'))
  const output = join(root, '.cache', `init.${define}`)
  const partial = `${output}.${randomUUID()}`
  await mkdir(join(root, '.cache'), { recursive: true })
  const flags = ['-std=c11', '-O2', '-static', '-Wall', '-Wextra', '-Werror', `-D${define}`]
  await run(process.env['CC'] ?? 'cc', [...flags, '-o', partial, ...sources], { cwd: folder })
  await rename(partial, output)
  return output
}
