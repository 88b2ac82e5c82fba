import { appendFile, mkdtemp, open, readdir, readFile, readlink, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { HostFileError, InvalidOptionsError } from '../../../../src/errors.js'
import { BuildLog, readBuildLog } from '../../../../src/runner/log/index.js'
import type { BuildEvent } from '../../../../src/runner/build-events.js'
import { bodyOf, everyKind, finished, gather, output, stepStarted, writeLog } from './log-events.js'
import { heldBytes } from '../../../helpers/memory.js'

const maxBytes = 2 ** 30

let folder: string
let path: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'read-log-'))
  path = join(folder, 'log')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const line = (seq: number, text: string): string =>
  `${JSON.stringify({ seq, time: '2026-01-01T00:00:00.000Z', ...output(text) })}\n`

/** How often this process has the log open. */
async function openFiles(): Promise<number> {
  const names = await readdir('/proc/self/fd')
  const targets = await Promise.all(names.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => '')))
  return targets.filter((target) => target === path).length
}

describe('a damaged file', () => {
  test.each([
    ['no JSON', 'x\n', 1],
    ['an empty line', '\n', 1],
    ['JSON that is no event', '{"seq":1}\n[]\nnull\n', 3],
    ['an event of an unknown kind', line(9, 'x').replace('"output"', '"surprise"'), 1],
    ['a wrong type', line(9, 'x').replace('"step":0', '"step":"0"'), 1],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0, 0x0a]), 1],
    ['a line of 3 MiB', `${'x'.repeat(3 * 2 ** 20)}\n`, 1],
    ['a torn last line', '', 0],
  ])('has %s left out and counted', async (_name, damage, count) => {
    await writeFile(path, Buffer.concat([Buffer.from(line(0, 'a')), Buffer.from(damage), Buffer.from(line(1, 'b'))]))
    await appendFile(path, line(2, 'torn').slice(0, -5))
    const log = readBuildLog(path)
    expect((await gather(log)).map(bodyOf)).toEqual([output('a'), output('b')])
    expect(log.skippedLines).toBe(count)
  })

  test('that has members of a later version is read without them', async () => {
    await writeFile(path, line(0, 'a').replace('{', '{"later":{"__proto__":1},'))
    expect((await gather(readBuildLog(path))).map(bodyOf)).toEqual([output('a')])
  })
})

test('a file that is missing and options that are wrong are typed errors', async () => {
  await expect(gather(readBuildLog(path))).rejects.toBeInstanceOf(HostFileError)
  await expect(gather(readBuildLog(path, { follow: true }))).rejects.toMatchObject({ code: 'ENOENT' })
  expect(() => readBuildLog(path, { from: -1 })).toThrow(InvalidOptionsError)
  expect(() => readBuildLog(path, { fellow: true } as never)).toThrow(InvalidOptionsError)
})

test('`from` leaves out what was read before, and what follows `finished` is not read', async () => {
  await writeLog(path, everyKind)
  await appendFile(path, line(99, 'late'))
  expect((await gather(readBuildLog(path, { from: 9 }))).map(({ seq }) => seq)).toEqual([9, 10])
  expect((await gather(readBuildLog(path, { follow: true }))).map(bodyOf)).toEqual(everyKind)
})

describe('following a log of this process', () => {
  test('gives each event as it is written, to all who follow, and ends with `finished`', async () => {
    await using log = await BuildLog.create(path, { maxBytes })
    const followers = Array.from({ length: 20 }, () => gather(readBuildLog(path, { follow: true })))
    const one = readBuildLog(path, { follow: true })[Symbol.asyncIterator]()
    for (const body of everyKind) {
      await log.append(body)
      expect(bodyOf((await one.next()).value as BuildEvent)).toEqual(body)
    }
    expect((await one.next()).done).toBe(true)
    for (const events of await Promise.all(followers)) expect(events.map(bodyOf)).toEqual(everyKind)
    await log.close()
    expect(await openFiles()).toBe(0)
  })

  test('ends when the log is closed without `finished`', async () => {
    const log = await BuildLog.create(path, { maxBytes })
    const followed = gather(readBuildLog(path, { follow: true }))
    await log.append(stepStarted)
    await delay(10)
    await log.close()
    expect((await followed).map(bodyOf)).toEqual([stepStarted])
  })

  test('ends early by a break or by the signal, and has the file closed', async () => {
    const log = await BuildLog.create(path, { maxBytes })
    await log.append(stepStarted)
    for await (const event of readBuildLog(path, { follow: true })) {
      expect(event.type).toBe('step')
      break
    }
    const abort = new AbortController()
    const reason = new Error('enough')
    const followed = gather(readBuildLog(path, { follow: true, signal: abort.signal }))
    setTimeout(() => abort.abort(reason), 10)
    await expect(followed).rejects.toBe(reason)
    await expect(gather(readBuildLog(path, { signal: abort.signal }))).rejects.toBe(reason)
    await log.close()
    expect(await openFiles()).toBe(0)
  })

  test('ends also when somebody else has cut the file', async () => {
    const log = await BuildLog.create(path, { maxBytes })
    await log.append(stepStarted)
    await log.flush()
    await truncate(path)
    const followed = gather(readBuildLog(path, { follow: true }))
    await delay(20)
    await log.close()
    expect(await followed).toEqual([])
  })

  test('keeps nothing for a follower that is slow', async () => {
    await using log = await BuildLog.create(path, { maxBytes })
    const slow = readBuildLog(path, { follow: true })[Symbol.asyncIterator]()
    const text = 'x'.repeat(32 * 1024)
    await log.append(output(text))
    await slow.next()
    const before = heldBytes()
    for (let piece = 0; piece < 1000; piece += 1) await log.append(output(text))
    await log.append(finished)
    await log.flush()
    expect(heldBytes() - before).toBeLessThan(8 * 2 ** 20)
    let count = 0
    for (let next = await slow.next(); next.done !== true; next = await slow.next()) count += 1
    expect(count).toBe(1001)
  })
})

describe('following a log of another process', () => {
  test('gives each event as it comes, also a line that comes in parts, and ends with `finished`', async () => {
    await writeFile(path, line(0, 'a'))
    const events = readBuildLog(path, { follow: true })[Symbol.asyncIterator]()
    const next = async (): Promise<unknown> => bodyOf((await events.next()).value as BuildEvent)
    expect(await next()).toEqual(output('a'))
    const waiting = next()
    await appendFile(path, line(1, 'b').slice(0, 20))
    await delay(20)
    await appendFile(path, line(1, 'b').slice(20))
    expect(await waiting).toEqual(output('b'))
    await writeLog(join(folder, 'last'), [finished])
    await appendFile(path, await readFile(join(folder, 'last')))
    expect(await next()).toEqual(finished)
    expect((await events.next()).done).toBe(true)
    expect(await openFiles()).toBe(0)
  })

  test('is not led astray by a torn line that is cut off', async () => {
    await writeFile(path, line(0, 'a') + line(1, 'torn').slice(0, 30))
    const events = readBuildLog(path, { follow: true })[Symbol.asyncIterator]()
    await events.next()
    const waiting = events.next()
    await delay(20)
    await truncate(path, line(0, 'a').length)
    await delay(20)
    await appendFile(path, line(1, 'b'))
    expect(bodyOf((await waiting).value as BuildEvent)).toEqual(output('b'))
    await events.return?.()
  })

  test('ends when the file is removed', async () => {
    await writeFile(path, line(0, 'a'))
    const followed = gather(readBuildLog(path, { follow: true }))
    await delay(20)
    await rm(path)
    expect((await followed).map(bodyOf)).toEqual([output('a')])
  })

  test('ends by the signal while nothing happens', async () => {
    await writeFile(path, '')
    await expect(gather(readBuildLog(path, { follow: true, signal: AbortSignal.timeout(30) }))).rejects.toMatchObject({
      name: 'TimeoutError',
    })
    expect(await openFiles()).toBe(0)
  })
})

test('a log with a line of 64 MiB is read in little memory', async () => {
  const file = await open(path, 'w')
  const block = Buffer.alloc(2 ** 20, 'x')
  for (let count = 0; count < 64; count += 1) await file.write(block)
  await file.write(`\n${line(0, 'a')}`)
  await file.close()
  const before = heldBytes()
  const log = readBuildLog(path)
  for await (const event of log) {
    expect(bodyOf(event)).toEqual(output('a'))
    expect(heldBytes() - before).toBeLessThan(40 * 2 ** 20)
  }
  expect(log.skippedLines).toBe(1)
})
