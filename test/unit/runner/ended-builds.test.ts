import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { EndedBuilds } from '../../../src/runner/ended-builds.js'
import { consoleLogger } from '../../../src/telemetry/index.js'

function place(ids: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'ended-'))
  for (const id of ids) mkdirSync(join(folder, id))
  return folder
}

test('the newest are kept, and of these none for too long', async () => {
  const folder = place(['a', 'b', 'c', 'd'])
  try {
    const now = Date.now()
    const ended = [now - 10, now - 90_000, now - 20, now - 30].map((finishedMs, at) => ({
      id: 'abcd'[at]!,
      finishedMs,
    }))
    const kept = new EndedBuilds(folder, { keepBuilds: 3, keepMs: 60_000 }, consoleLogger(), ended)
    await kept.trim()
    expect(readdirSync(folder).sort()).toEqual(['a', 'c', 'd'])
    mkdirSync(join(folder, 'e'))
    await kept.add('e')
    expect(readdirSync(folder).sort()).toEqual(['a', 'c', 'e'])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('one that cannot be removed is told of, and keeps nothing else from going', async () => {
  const folder = place(['a', 'b', 'c'])
  const busy = join(folder, 'a')
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', busy])
  try {
    const lines: string[] = []
    const logger = consoleLogger({ write: (line) => void lines.push(line) })
    const ended = [...'abc'].map((id) => ({ id, finishedMs: Date.now() }))
    await new EndedBuilds(folder, { keepBuilds: 1, keepMs: 60_000 }, logger, ended).trim()
    expect(readdirSync(folder).sort()).toEqual(['a', 'c'])
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([{ buildId: 'a', err: { code: 'EBUSY' } }])
  } finally {
    execFileSync('umount', [busy])
    rmSync(folder, { recursive: true })
  }
})
