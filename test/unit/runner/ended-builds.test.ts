import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { BuildResult } from '../../../src/index.js'
import { EndedBuilds, endedBuild, type EndedBuild, type Retention } from '../../../src/runner/ended-builds.js'
import { consoleLogger } from '../../../src/telemetry/index.js'

const UNBOUNDED: Retention = { keepBuilds: 1_000, keepBytes: Infinity, keepMs: 60_000 }

const old = (id: string, group: string, agoMs: number, bytes = 0): EndedBuild => ({
  id,
  group,
  finishedMs: Date.now() - agoMs,
  bytes,
})

/** The result of a build with one artifact of `bytes`. */
function result(id: string, tenant: string, bytes = 0): BuildResult {
  const artifacts = [{ path: 'file', type: 'file', bytes }]
  return { id, tenant, artifacts, finishedAt: new Date().toISOString() } as unknown as BuildResult
}

function place(ids: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'ended-'))
  for (const id of ids) mkdirSync(join(folder, id))
  return folder
}

test('the newest are kept, and of these none for too long', async () => {
  const folder = place(['a', 'b', 'c', 'd'])
  try {
    const ended = [10, 90_000, 20, 30].map((agoMs, at) => old('abcd'[at]!, 'acme', agoMs))
    const kept = new EndedBuilds(folder, { ...UNBOUNDED, keepBuilds: 3, keepMs: 60_000 }, consoleLogger(), ended)
    await kept.trim()
    expect(readdirSync(folder).sort()).toEqual(['a', 'c', 'd'])
    mkdirSync(join(folder, 'e'))
    await kept.add(result('e', 'acme'))
    expect(readdirSync(folder).sort()).toEqual(['a', 'c', 'e'])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('whoever has the most builds gives up the oldest, and all below one parent are one', async () => {
  const folder = place(['a1', 'a2', 'a3', 'b1', 'c1'])
  try {
    const ended = [old('b1', 'b', 900), old('c1', 'c', 800), old('a1', 'a', 50), old('a2', 'a', 40)]
    const kept = new EndedBuilds(folder, { ...UNBOUNDED, keepBuilds: 4 }, consoleLogger(), ended)
    await kept.add(result('a3', 'a/alice'))
    expect(readdirSync(folder).sort()).toEqual(['a2', 'a3', 'b1', 'c1'])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('there are no more bytes than may be kept: whoever has the most of them gives up the oldest', async () => {
  const folder = place(['a1', 'a2', 'b1', 'b2'])
  try {
    const ended = [old('b1', 'b', 900, 100_000), old('a1', 'a', 50, 400_000), old('a2', 'a', 40, 100_000)]
    const kept = new EndedBuilds(folder, { ...UNBOUNDED, keepBytes: 600_000 }, consoleLogger(), ended)
    await kept.trim()
    expect(readdirSync(folder).sort()).toEqual(['a1', 'a2', 'b1', 'b2'])
    await kept.add(result('b2', 'b', 1))
    expect(readdirSync(folder).sort()).toEqual(['a2', 'b1', 'b2'])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('the build that has just ended stays, however much it is, so that its artifacts can be taken', async () => {
  const folder = place(['a', 'b'])
  try {
    const kept = new EndedBuilds(folder, { ...UNBOUNDED, keepBytes: 1 }, consoleLogger(), [])
    await kept.add(result('a', 'acme', 1_000_000))
    expect(readdirSync(folder).sort()).toEqual(['a', 'b'])
    await kept.add(result('b', 'acme', 1_000_000))
    expect(readdirSync(folder)).toEqual(['b'])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('what a build takes is its record, its log, its trace and its artifacts, in whole blocks', async () => {
  const folder = place([])
  try {
    writeFileSync(join(folder, 'build.json'), '{}')
    writeFileSync(join(folder, 'log.ndjson'), 'x'.repeat(5_000))
    writeFileSync(join(folder, 'trace.json'), 'x')
    expect(await endedBuild(folder, result('a', 'acme/alice', 10_000))).toMatchObject({
      id: 'a',
      group: 'acme',
      bytes: 4096 * (1 + 2 + 1 + 3 + 1),
    })
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
    const ended = [...'abc'].map((id) => old(id, 'acme', 0))
    await new EndedBuilds(folder, { ...UNBOUNDED, keepBuilds: 1 }, logger, ended).trim()
    expect(readdirSync(folder).sort()).toEqual(['a', 'c'])
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([{ buildId: 'a', err: { code: 'EBUSY' } }])
  } finally {
    execFileSync('umount', [busy])
    rmSync(folder, { recursive: true })
  }
})
