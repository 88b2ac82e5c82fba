/** What scripts/test adds up and names: nothing that failed may be without a line. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '../fixtures/reporter')
const vitest = resolve(import.meta.dirname, '../../node_modules/vitest/vitest.mjs')

test('failed tests, errors outside every test, and tests that passed at the second try are counted and named', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'summary-reporter-'))
  try {
    const file = join(folder, 'summary')
    const args = [vitest, 'run', '--root', root, '--config', join(root, 'vitest.config.ts')]
    const run = promisify(execFile)(process.execPath, args, { env: { ...process.env, SUMMARY_FILE: file } })
    await expect(run).rejects.toMatchObject({ code: 1 })
    const [counts, stray, failed, retried, ...rest] = readFileSync(file, 'utf8').trimEnd().split('\n')
    expect(counts).toBe('2 2 1')
    expect(stray).toMatch(
      /^failed: outside every test, Unhandled Rejection while \S+endings\.fixture\.ts ran: nobody hears this at \S+endings\.fixture\.ts:7:/,
    )
    expect(failed).toMatch(/^failed: endings\.fixture\.ts > fails: expected 1 to be 2/)
    expect(retried).toMatch(/^passed at the second try: endings\.fixture\.ts > fails by chance: expected 1 to be 2/)
    expect(rest).toEqual([])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
