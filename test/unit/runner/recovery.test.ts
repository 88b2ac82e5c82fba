import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import type { SandboxDriver } from '../../../src/driver/driver.js'
import { recoverBuilds } from '../../../src/runner/recovery.js'

const driver = { prune: () => Promise.resolve([]) } as unknown as SandboxDriver

test('a folder without a record goes, and one whose record cannot be read stays, to be removed in its time', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'recovery-'))
  try {
    const [none, damaged] = [randomUUID(), randomUUID()]
    for (const id of [none, damaged]) mkdirSync(join(folder, id))
    writeFileSync(join(folder, damaged, 'build.json'), '{"version":1,')
    const { ended, lost } = await recoverBuilds(folder, driver, 1024 ** 2)
    expect(existsSync(join(folder, none))).toBe(false)
    expect(existsSync(join(folder, damaged, 'build.json'))).toBe(true)
    expect(lost).toEqual([])
    expect(ended).toEqual([{ id: damaged, finishedMs: expect.closeTo(Date.now(), -5) as number }])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
