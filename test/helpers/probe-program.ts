/** Compiles the programs of `test/fixtures/probes` to one static binary, once per content. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readFile, readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const SOURCES = fileURLToPath(new URL('../fixtures/probes/', import.meta.url))
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/probes/', import.meta.url))

/** @returns the binary and a hash of what it was made from */
export async function compileProbe(): Promise<{ readonly binary: Buffer; readonly hash: string }> {
  const names = (await readdir(SOURCES)).sort()
  const hash = createHash('sha256')
  for (const name of names)
    hash
      .update(name)
      .update('\0')
      .update(await readFile(join(SOURCES, name)))
  const digest = hash.digest('hex').slice(0, 16)
  const path = join(CACHE, digest)
  const binary = await readFile(path).catch(() => null)
  if (binary !== null) return { binary, hash: digest }

  await mkdir(CACHE, { recursive: true })
  const fresh = `${path}.${process.pid}`
  const sources = names.filter((name) => name.endsWith('.c')).map((name) => join(SOURCES, name))
  await promisify(execFile)('gcc', ['-static', '-O1', '-s', '-o', fresh, ...sources])
  await rename(fresh, path)
  return { binary: await readFile(path), hash: digest }
}
