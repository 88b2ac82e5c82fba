import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { HostFileError, InvalidStateError } from '../../../../src/errors.js'
import { BuildLog, readBuildLog } from '../../../../src/runner/log/index.js'
import { MAX_LINE_BYTES } from '../../../../src/runner/log/event-line.js'
import { bodyOf, everyKind, finished, gather, output, result, stepStarted, writeLog } from './log-events.js'

const run = promisify(execFile)
const maxBytes = 64 * 1024

let folder: string
let path: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'build-log-'))
  path = join(folder, 'log')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function lines(): Promise<string[]> {
  const text = await readFile(path, 'utf8')
  expect(text.endsWith('\n')).toBe(true)
  return text.slice(0, -1).split('\n')
}

test('has one line for each event, in order, only its owner’s to read', async () => {
  await writeLog(path, everyKind)
  const read = (await lines()).map((line) => JSON.parse(line) as { seq: number; time: string })
  expect(read.map(({ seq }) => seq)).toEqual(everyKind.map((_, index) => index))
  expect(read.every(({ time }) => Math.abs(Date.parse(time) - Date.now()) < 60_000)).toBe(true)
  expect((await gather(readBuildLog(path))).map(bodyOf)).toEqual(everyKind)
  expect((await stat(path)).mode & 0o777).toBe(0o600)
})

test('shows nothing but printable characters, keeps letters, and reads back as it was', async () => {
  const hostile =
    'a\r\nb\t\u001b[31m\u0000\u007f\u009b\u00ad\u061c\u200b\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069\ufeff\udc80\u{e0041}"\\'
  await writeLog(path, [output(hostile), output('żółw 日本 😀'), { type: 'violation', text: hostile }, finished])
  const text = await readFile(path, 'utf8')
  expect(text).not.toMatch(/[^\P{C}\n]|[\u2028\u2029]/u)
  expect(text).toContain('żółw 日本 😀')
  expect(text).toContain('\\u202e\\u2066')
  expect((await lines()).length).toBe(4)
  expect((await gather(readBuildLog(path))).slice(0, 2).map(bodyOf)).toEqual([output(hostile), output('żółw 日本 😀')])
})

test.each<[string, (target: string) => Promise<void>]>([
  ['is not written over', (target) => writeFile(target, 'mine')],
  [
    'behind a link is not written over',
    (target) => writeFile(`${target}.real`, 'mine').then(() => symlink(`${target}.real`, target)),
  ],
  ['that is a link to nothing makes no file', (target) => symlink('/nonexistent/x', target)],
])('a file that is there %s', async (_name, make) => {
  await make(path)
  const error: unknown = await BuildLog.create(path, { maxBytes }).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(HostFileError)
  expect(error).toMatchObject({ code: 'EEXIST' })
})

test('takes nothing after its last event, nor after close()', async () => {
  const log = await BuildLog.create(path, { maxBytes })
  await log.append(finished)
  expect(log.finished).toBe(true)
  await expect(log.append(output('late'))).rejects.toBeInstanceOf(InvalidStateError)
  await Promise.all([log.close(), log.close()])
  await expect(log.append(output('late'))).rejects.toBeInstanceOf(InvalidStateError)
  expect((await lines()).length).toBe(1)
})

describe('a limit', () => {
  test('drops output and violations beyond it, says so once, and takes all else', async () => {
    await using log = await BuildLog.create(path, { maxBytes })
    for (let step = 0; step < 5; step += 1) {
      await log.append(stepStarted)
      for (let piece = 0; piece < 4; piece += 1) await log.append(output('\u0001'.repeat(1000)))
      await log.append({ type: 'violation', text: 'x' })
    }
    await log.append(finished)
    await log.close()
    const kinds = (await gather(readBuildLog(path))).map(({ type }) => type)
    expect(log.truncated).toBe(true)
    expect(kinds.filter((kind) => kind === 'truncated')).toEqual(['truncated'])
    expect(kinds.slice(kinds.indexOf('truncated') + 1)).not.toContain('output')
    expect(kinds.slice(kinds.indexOf('truncated') + 1)).not.toContain('violation')
    expect(kinds.filter((kind) => kind === 'step')).toHaveLength(5)
    expect(kinds.filter((kind) => kind === 'output')).toHaveLength(5)
    expect(kinds.at(-1)).toBe('finished')
    expect(log.failed).toBeNull()
    expect((await stat(path)).size).toBeLessThanOrEqual(maxBytes)
    expect((await stat(path)).size).toBe(log.bytes)
  })

  test('is not noticed by what stays below it', async () => {
    await using log = await BuildLog.create(path, { maxBytes })
    for (let piece = 0; piece < 25; piece += 1) await log.append(output('x'.repeat(1000)))
    expect(log.truncated).toBe(false)
  })
})

test('an event that is too large is cut: texts, and what it tells of artifacts', async () => {
  const artifacts = Array.from({ length: 100_000 }, (_, index) => ({
    path: `${'ż'.repeat(100)}${index}`,
    type: 'file' as const,
    bytes: 1,
  }))
  const steps = Array.from({ length: 256 }, (_, index) => ({ ...result.steps[0]!, index, name: '\u202e'.repeat(128) }))
  await writeLog(path, [
    { type: 'queued', id: 'b', tenant: 't', steps: steps.map(({ name }) => name) },
    { type: 'cache', key: 'k', action: 'skipped', detail: '\u0001'.repeat(10 ** 6), bytes: 0 },
    { type: 'finished', result: { ...result, steps, artifacts } },
  ])
  const [queued, cache, last] = await gather(readBuildLog(path))
  expect(queued).toMatchObject({ steps: steps.map(({ name }) => name) })
  expect(cache).toMatchObject({ type: 'cache', detail: `${'\u0001'.repeat(1023)}…` })
  expect(last).toMatchObject({ type: 'finished', result: { outcome: 'succeeded', steps } })
  expect(last?.type === 'finished' && last.result.artifacts.length).toBe(100)
  for (const line of await lines()) expect(line.length).toBeLessThan(MAX_LINE_BYTES)
})

test('the longest output that a decoder gives is not cut, whatever it is', async () => {
  const text = '\u202e'.repeat(32 * 1024)
  await writeLog(path, [output(text)])
  expect((await gather(readBuildLog(path))).map(bodyOf)).toEqual([output(text)])
})

test('asks to wait when much waits to be written, and goes on when there is room', async () => {
  await using log = await BuildLog.create(path, { maxBytes: 2 ** 30 })
  const text = 'x'.repeat(32 * 1024)
  let roomy = 0
  const appended = Array.from({ length: 100 }, async () => {
    await log.append(output(text))
    roomy += 1
  })
  // Of 32 KiB each, 31 stay below 1 MiB.
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve()
  expect(roomy).toBe(31)
  await Promise.all(appended)
  await log.flush()
  expect((await stat(path)).size).toBe(log.bytes)
})

describe('a full disk', () => {
  const withSmallDisk = async (work: () => Promise<void>): Promise<void> => {
    await run('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', folder])
    try {
      await work()
    } finally {
      await run('umount', [folder])
    }
  }

  test('ends the log with a whole line, tells why, and holds up nobody', () =>
    withSmallDisk(async () => {
      const log = await BuildLog.create(path, { maxBytes: 2 ** 30 })
      const followed = gather(readBuildLog(path, { follow: true }))
      for (let piece = 0; piece < 500; piece += 1) await log.append(output(`${piece} ${'x'.repeat(7000)}`))
      await log.flush()
      // Nobody writes any more: what has failed already is not waited for either.
      const late = await gather(readBuildLog(path, { follow: true, signal: AbortSignal.timeout(5_000) }))
      await log.append(finished)
      await log.close()
      expect(log.failed).toBeInstanceOf(HostFileError)
      expect(log.failed).toMatchObject({ code: 'ENOSPC' })
      const events = await gather(readBuildLog(path))
      expect(events.length).toBeGreaterThan(20)
      expect((await lines()).length).toBe(events.length)
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index))
      expect(await followed).toEqual(events)
      expect(late).toEqual(events)
    }))

  test('that is full from the start makes no log', () =>
    withSmallDisk(async () => {
      await writeFile(join(folder, 'filler'), Buffer.alloc(256 * 1024)).catch(() => undefined)
      const log = await BuildLog.create(path, { maxBytes })
      await log.append(output('x'))
      await log.close()
      expect(log.failed).toMatchObject({ code: 'ENOSPC' })
      expect((await stat(path)).size).toBe(0)
    }))
})

describe('a log that is gone on with', () => {
  test('loses a torn last line and goes on with its numbers', async () => {
    await writeLog(path, [stepStarted, output('a')])
    await writeFile(path, `${await readFile(path, 'utf8')}{"seq":2,"time":"2026-${'x'.repeat(10_000)}`)
    await using log = await BuildLog.resume(path, { maxBytes })
    expect([log.finished, log.truncated]).toEqual([false, false])
    await log.append({ type: 'finished', result: { ...result, outcome: 'lost' } })
    await log.close()
    const events = await gather(readBuildLog(path))
    expect(events.map(({ seq, type }) => [seq, type])).toEqual([
      [0, 'step'],
      [1, 'output'],
      [2, 'finished'],
    ])
    expect((await lines()).length).toBe(3)
  })

  test('is known to be finished, and to be cut', async () => {
    await writeLog(path, everyKind)
    await using log = await BuildLog.resume(path, { maxBytes })
    expect([log.finished, log.truncated]).toEqual([true, true])
    await expect(log.append(finished)).rejects.toBeInstanceOf(InvalidStateError)
  })

  test('must be there', async () => {
    await expect(BuildLog.resume(path, { maxBytes })).rejects.toMatchObject({ code: 'ENOENT' })
  })
})
