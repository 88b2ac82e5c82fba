import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CapacityError, HostFileError } from '../../../src/errors.js'
import { openEventLog, type EventLog } from '../../../src/trace/event-log.js'
import { access } from './events.js'

const run = promisify(execFile)

let folder: string
let path: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trace-log-'))
  path = join(folder, 'log')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const HOSTILE = 'a\nb\u2028c\u202ed\udc80\u001b[31m\u0000"\\\u{e0041}😀ż'

async function lines(): Promise<unknown[]> {
  const text = await readFile(path, 'utf8')
  expect(text.endsWith('\n')).toBe(true)
  return text
    .slice(0, -1)
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)
}

test('has a header and one line for each event, in order, only its owner’s to read', async () => {
  const log = await openEventLog(path, { sandboxId: 'abc', startedAt: new Date(0) })
  const events = [1, 2, 3].map((seq) => access({ path: `/f${seq}`, seq }))
  for (const event of events) expect(log.write(event)).toBe(true)
  await log.close()
  const header = { kind: 'trace', version: 1, sandboxId: 'abc', startedAt: '1970-01-01T00:00:00.000Z' }
  expect(await lines()).toEqual([header, ...events])
  expect((await stat(path)).mode & 0o777).toBe(0o600)
})

test('a hostile name is on one line, shows nothing but printable characters, and reads back as it was', async () => {
  const log = await openEventLog(path, { sandboxId: 'abc' })
  const event = access({ path: HOSTILE })
  log.write(event)
  await log.close()
  expect((await lines())[1]).toEqual(event)
  const [, line] = (await readFile(path, 'utf8')).split('\n')
  expect(line).toContain('\\u2028c\\u202ed\\udc80\\u001b[31m')
  expect(line).toContain('😀ż')
  expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}]/u)
})

test('what was written is in the file soon, without a close', async () => {
  const log = await openEventLog(path, { sandboxId: 'abc' })
  log.write(access({ path: '/x' }))
  await expect.poll(() => readFile(path, 'utf8'), { timeout: 2_000 }).toContain('"/x"')
  await log.close()
})

describe('a file that is there', () => {
  test.each<[string, (target: string) => Promise<void>]>([
    ['is not written over', (target) => writeFile(target, 'mine')],
    [
      'behind a link is not written over',
      (target) => writeFile(`${target}.real`, 'mine').then(() => symlink(`${target}.real`, target)),
    ],
    ['that is a link to nothing makes no file', (target) => symlink('/nonexistent/x', target)],
  ])('%s', async (_name, make) => {
    await make(path)
    const error: unknown = await openEventLog(path, { sandboxId: 'abc' }).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(HostFileError)
    expect(error).toMatchObject({ code: 'EEXIST' })
  })
})

test('a folder that is missing is a typed error', async () => {
  await expect(openEventLog(join(folder, 'no', 'log'), { sandboxId: 'abc' })).rejects.toMatchObject({
    name: 'HostFileError',
    code: 'ENOENT',
  })
})

test('a flood makes it full, drained() says when it goes on, and nothing is lost', async () => {
  const log = await openEventLog(path, { sandboxId: 'abc' })
  let waits = 0
  for (let seq = 1; seq <= 20_000; seq += 1) {
    if (log.write(access({ path: `/some/longer/name/${seq}`, seq }))) continue
    expect(log.isFull).toBe(true)
    await log.drained()
    expect(log.isFull).toBe(false)
    waits += 1
  }
  await log.close()
  expect(waits).toBeGreaterThan(0)
  const written = (await lines()).slice(1) as { seq: number }[]
  expect(written.map(({ seq }) => seq)).toEqual(Array.from({ length: 20_000 }, (_, index) => index + 1))
})

describe('a log that cannot be written any more', () => {
  /** Writes more than fits, and gives the failure. */
  async function overfill(log: EventLog): Promise<unknown> {
    for (let seq = 1; seq <= 50_000; seq += 1) log.write(access({ path: `/f${seq}`, seq }))
    await log.drained()
    const failure = await log.failed
    expect(log.isFull).toBe(false)
    expect(log.write(access({ path: '/later' }))).toBe(true)
    await expect(log.close()).rejects.toBe(failure)
    await expect(log.close()).rejects.toBe(failure)
    return failure
  }

  test('on a full disk tells it once, holds up nobody, and rejects close()', async () => {
    await run('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder])
    try {
      const failure = await overfill(await openEventLog(path, { sandboxId: 'abc' }))
      expect(failure).toBeInstanceOf(HostFileError)
      expect(failure).toMatchObject({ code: 'ENOSPC' })
    } finally {
      await run('umount', [folder])
    }
  })

  test('at its limit does the same', async () => {
    expect(await overfill(await openEventLog(path, { sandboxId: 'abc', maxBytes: 2_000 }))).toBeInstanceOf(
      CapacityError,
    )
  })

  test('at its limit has whole lines', async () => {
    const log = await openEventLog(path, { sandboxId: 'abc', maxBytes: 10_000 })
    for (let round = 0; round < 20; round += 1) {
      for (let seq = 1; seq <= 5; seq += 1) log.write(access({ path: `/f${seq}`, seq }))
      await log.flush()
    }
    await expect(log.close()).rejects.toBeInstanceOf(CapacityError)
    expect((await lines()).length).toBeGreaterThan(5)
    expect((await stat(path)).size).toBeLessThanOrEqual(10_000)
  })
})

test('after close() nothing is written and no timer is left', async () => {
  const log = await openEventLog(path, { sandboxId: 'abc' })
  await log.close()
  log.write(access({ path: '/late' }))
  await delay(150)
  expect(await readFile(path, 'utf8')).not.toContain('/late')
})
