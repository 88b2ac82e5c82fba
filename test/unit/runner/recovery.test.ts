import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import type { SandboxDriver } from '../../../src/driver/driver.js'
import { readRecord, writeRecord } from '../../../src/runner/build-record.js'
import type { BuildResult } from '../../../src/runner/build-events.js'
import { BuildLog, readBuildLog } from '../../../src/runner/log/index.js'
import { recoverBuilds } from '../../../src/runner/recovery.js'
import { gather, stepStarted, writeLog } from './log/log-events.js'

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
    const finishedMs = expect.closeTo(Date.now(), -5) as number
    expect(ended).toEqual([{ id: damaged, group: '', finishedMs, bytes: expect.any(Number) as number }])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test.each<[string, (logPath: string) => Promise<void>, truncated: boolean]>([
  ['has its last event in a log that goes on', (path) => writeLog(path, [stepStarted]), false],
  ['has it where there was no log', () => Promise.resolve(), false],
  ['tells that output is missing', (path) => writeLog(path, [{ type: 'truncated', limitBytes: 1 }]), true],
  ['is told of although its log cannot be written', async (path) => void (await mkdir(path)), true],
])('a build that is lost %s', async (_, makeLog, logTruncated) => {
  const folder = mkdtempSync(join(tmpdir(), 'recovery-'))
  try {
    const id = randomUUID()
    const path = join(folder, id)
    const logPath = join(path, 'log.ndjson')
    mkdirSync(path)
    const now = new Date().toISOString()
    const times = { submittedAt: now, startedAt: now }
    await writeRecord(
      path,
      { version: 1, id, tenant: 'acme', labels: {}, state: 'running', ...times, result: null },
      false,
    )
    await makeLog(logPath)
    for (const half of ['artifacts.partial', 'artifacts']) mkdirSync(join(path, half))
    for (const half of ['trace.json', 'build.json.1-a.tmp']) writeFileSync(join(path, half), '{')
    expect(await recoverBuilds(folder, driver, 1024 ** 2)).toMatchObject({ lost: [id], ended: [{ id }] })
    const result = { outcome: 'lost', logTruncated, artifactsDir: null, error: { code: 'ERR_RUNNER_ENDED' } }
    expect(await readRecord(path)).toMatchObject({ state: 'finished', result })
    expect(readdirSync(path).sort()).toEqual(['build.json', 'log.ndjson'])
    if (statSync(logPath).isFile())
      expect((await gather(readBuildLog(logPath))).at(-1)).toMatchObject({ type: 'finished', result })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('a log that lacks its last event, because its runner died after the record, gets it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'recovery-'))
  try {
    const id = randomUUID()
    const path = join(folder, id)
    mkdirSync(path)
    const logPath = join(path, 'log.ndjson')
    const now = new Date().toISOString()
    const result: BuildResult = {
      ...{
        id,
        tenant: 'acme',
        outcome: 'succeeded',
        steps: [],
        caches: [],
        artifacts: [],
        artifactsDir: null,
        logPath,
      },
      ...{ logTruncated: false, error: null, submittedAt: now, startedAt: now, finishedAt: now, queuedMs: 0 },
      ...{ durationMs: 1, commit: null },
    }
    const log = await BuildLog.create(logPath, { maxBytes: 1024 ** 2 })
    await log.append({ type: 'queued', id, tenant: 'acme', steps: [] })
    await log.close()
    utimesSync(logPath, 1, 1)
    const record = { version: 1, id, tenant: 'acme', labels: {}, submittedAt: now, startedAt: now } as const
    await writeRecord(path, { ...record, state: 'finished', result }, false)
    const lines = (): string[] => readFileSync(logPath, 'utf8').trimEnd().split('\n')
    expect(await recoverBuilds(folder, driver, 1024 ** 2)).toMatchObject({ lost: [], ended: [{ id }] })
    expect(JSON.parse(lines().at(-1) ?? '')).toMatchObject({ seq: 1, type: 'finished', result })
    await recoverBuilds(folder, driver, 1024 ** 2)
    expect(lines()).toHaveLength(2)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
