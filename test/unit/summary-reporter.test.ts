/** What scripts/test adds up and names: nothing that failed may be without a line. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '../fixtures/reporter')
const vitest = resolve(import.meta.dirname, '../../node_modules/vitest/vitest.mjs')

test('a failed test and an error outside every test are counted and named', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'summary-reporter-'))
  try {
    const file = join(folder, 'summary')
    const args = [vitest, 'run', '--root', root, '--config', join(root, 'vitest.config.ts')]
    const env = { ...process.env, SUMMARY_FILE: file, CACHE_FOLDER: join(folder, 'cache') }
    const run = promisify(execFile)(process.execPath, args, { env, timeout: 60_000 })
    await expect(run).rejects.toMatchObject({ code: 1 })
    const [counts, stray, failed, ...rest] = readFileSync(file, 'utf8').trimEnd().split('\n')
    expect(counts).toBe('1 2 1')
    expect(stray).toMatch(
      /^outside every test, Unhandled Rejection while \S+stray\.fixture\.ts ran: nobody hears this at \S+stray\.fixture\.ts:5:/,
    )
    expect(failed).toMatch(/^stray\.fixture\.ts > fails: expected 1 to be 2/)
    expect(rest).toEqual([])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
