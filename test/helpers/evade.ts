/** A home with the program of `test/fixtures/trace/evade.c`, which tries to get away from a tracer. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const SOURCE = fileURLToPath(new URL('../fixtures/trace/evade.c', import.meta.url))

/** A folder on the host that becomes a home: `/evade` and `/secret` besides what is given. */
export async function evadeHome(files: Readonly<Record<string, string>> = {}) {
  const home = await mkdtemp(join(tmpdir(), 'evade-'))
  await promisify(execFile)('gcc', ['-static', '-O1', '-pthread', '-o', join(home, 'evade'), SOURCE])
  for (const [name, text] of Object.entries({ secret: 'secret\n', plain: 'plain\n', ...files })) {
    await mkdir(join(home, name, '..'), { recursive: true })
    await writeFile(join(home, name), text)
  }
  return { home, [Symbol.asyncDispose]: () => rm(home, { recursive: true }) }
}
