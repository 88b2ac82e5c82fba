import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { InvalidOptionsError } from '../../../src/errors.js'
import { parseBuildOptions } from '../../../src/options/index.js'
import { BuildJob } from '../../../src/runner/build-job.js'
import { Build } from '../../../src/runner/build.js'
import { BuildLog } from '../../../src/runner/log/index.js'
import { queuedEvent } from '../../../src/runner/perform-build.js'
import { gather, stepStarted } from './log/log-events.js'

let folder: string

beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'build-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const never = new Promise<never>(() => undefined)

function handle(logged: Promise<BuildLog | null>): Build {
  const job = new BuildJob('b1', parseBuildOptions({ tenant: 'acme', steps: [{ run: 'true' }] }), folder)
  return new Build(job, { logged, result: never, queued: () => queuedEvent(job) })
}

async function openLog(): Promise<BuildLog> {
  const log = await BuildLog.create(join(folder, 'log.ndjson'), { maxBytes: 2 ** 20 })
  await log.append({ type: 'queued', id: 'b1', tenant: 'acme', steps: ['true'] })
  return log
}

const types = async (build: Build): Promise<string[]> => (await gather(build)).map(({ type }) => type)

test('the events of a build that waits end by the signal, and so do those of one that runs', async () => {
  const reason = new Error('enough')
  const log = await openLog()
  for (const logged of [never, Promise.resolve(log)]) {
    const stop = new AbortController()
    const events = handle(logged).events(stop.signal)[Symbol.asyncIterator]()
    expect((await events.next()).value).toMatchObject({ type: 'queued', seq: 0 })
    const next = events.next()
    setTimeout(() => stop.abort(reason), 10)
    await expect(next).rejects.toBe(reason)
  }
  await log.close()
})

test('the events of a build whose log ended before its last event end with the log, whenever they are asked for', async () => {
  const log = await openLog()
  const build = handle(Promise.resolve(log))
  const early = types(build)
  await log.append(stepStarted)
  await log.close()
  expect(await early).toEqual(['queued', 'step'])
  expect(await types(build)).toEqual(['queued', 'step'])
})

test('a build without a log has its first event only', async () => {
  expect(await types(handle(Promise.resolve(null)))).toEqual(['queued'])
})

test('a signal that is none is refused', async () => {
  const events = handle(never)
    .events({} as AbortSignal)
    [Symbol.asyncIterator]()
  await expect(events.next()).rejects.toBeInstanceOf(InvalidOptionsError)
})
