/** What scripts/test adds up and names: nothing that failed may be without a line. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '../fixtures/reporter')
const vitest = resolve(import.meta.dirname, '../../node_modules/vitest/vitest.mjs')

let folder: string
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'summary-reporter-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** @returns the lines of the summary of a run of the fixtures */
async function summaryOf(project: string): Promise<string[]> {
  const file = join(folder, 'summary')
  const args = [vitest, 'run', '--root', root, '--config', join(root, 'vitest.config.ts')]
  const env = { ...process.env, SUMMARY_FILE: file, PROJECT: project }
  await expect(promisify(execFile)(process.execPath, args, { env })).rejects.toMatchObject({ code: 1 })
  return readFileSync(file, 'utf8').trimEnd().split('\n')
}

test('a failed test and an error outside every test are counted and named, and their file is tried again', async () => {
  const [all, stray, failed, ...rest] = await summaryOf('unit')
  expect(all).toBe('all: 1 2 1')
  expect(stray).toMatch(
    /^failed: outside every test, Unhandled Rejection while \S+endings\.fixture\.ts ran: nobody hears this at \S+endings\.fixture\.ts:5:/,
  )
  expect(failed).toMatch(/^failed: endings\.fixture\.ts > fails: expected 1 to be 2/)
  expect(rest).toEqual(['part: 1 2 1', 'again: endings.fixture.ts'])
})

test('an attack that succeeded is not tried again', async () => {
  const [all, , , ...rest] = await summaryOf('security')
  expect(all).toBe('all: 1 2 1')
  expect(rest).toEqual(['part: 0 0 0'])
})
