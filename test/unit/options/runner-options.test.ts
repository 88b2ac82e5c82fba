import { availableParallelism, totalmem } from 'node:os'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { DEFAULT_LIMITS, parseRunnerOptions } from '../../../src/options/index.js'
import { anyCase, refused } from './refused.js'

const MIB = 1024 ** 2
const DAY_MS = 86_400_000
const log = (): void => undefined
const logger = { debug: log, info: log, warn: log, error: log }
const driver = { images: {}, launch: () => Promise.reject(new Error('not started')) }

function read(options: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], options)
}

function withOption(path: string, value: unknown): object {
  return path.split('.').reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as object
}

test('a runner that is told nothing', () => {
  expect(parseRunnerOptions()).toEqual({
    stateDir: null,
    base: 'runner',
    limits: DEFAULT_LIMITS,
    workspace: expect.objectContaining({ backing: 'auto' }) as unknown,
    network: 'none',
    runtime: 'runc',
    concurrency: availableParallelism(),
    memoryBytes: Math.floor(totalmem() * 0.75),
    queue: { maxWaiting: 10_000, maxWaitingPerTenant: 2_000, maxRunningPerTenant: null, ageingMs: 60_000 },
    tenants: {},
    pool: { idle: 2, uses: 1 },
    cacheStore: {
      maxBytes: 10_240 * MIB,
      maxBytesPerTenant: 2_048 * MIB,
      maxEntryBytes: 1_024 * MIB,
      maxAgeMs: 14 * DAY_MS,
    },
    logBytes: 16 * MIB,
    sourceBytes: 4_096 * MIB,
    sourceEntries: 200_000,
    keepBuilds: 10_000,
    keepBytes: 32 * 1024 ** 3,
    keepMs: 30 * DAY_MS,
    engineWaitMs: 60_000,
    metrics: null,
    logger: null,
    users: { stateDir: null, firstUid: 200_000, lastUid: 265_535, firstAnonymousUid: 232_768 },
    driver: null,
  })
})

test.each<[path: string, given: unknown, wanted: unknown]>([
  ['stateDir', './x', resolve('x')],
  ['base', 'toolchain', 'toolchain'],
  ['limits.memoryBytes', '1GiB', 1024 * MIB],
  ['workspace.sizeBytes', '1GiB', 1024 * MIB],
  ['network', 'bridge', 'bridge'],
  ['runtime', 'runsc', 'runsc'],
  ['concurrency', 10_000, 10_000],
  ['concurrency', null, availableParallelism()],
  ['memoryBytes', '64MiB', 64 * MIB],
  ['queue.maxWaiting', 1, 1],
  ['queue.maxWaitingPerTenant', 1, 1],
  ['queue.maxRunningPerTenant', 1, 1],
  ['queue.ageingMs', null, null],
  ['tenants', { 'acme/a': { weight: 2 } }, { 'acme/a': { weight: 2, maxRunning: null, maxWaiting: null } }],
  ['tenants', { constructor: {} }, { constructor: { weight: 1, maxRunning: null, maxWaiting: null } }],
  ['pool.idle', 0, 0],
  ['pool.uses', 1000, 1000],
  ['cacheStore.maxBytes', 0, 0],
  ['cacheStore.maxBytesPerTenant', '1TiB', 1024 ** 4],
  ['cacheStore.maxEntryBytes', 0, 0],
  ['cacheStore.maxAgeMs', 1000, 1000],
  ['logBytes', '64KiB', 65_536],
  ['sourceBytes', 0, 0],
  ['sourceEntries', 1, 1],
  ['keepBuilds', 1, 1],
  ['keepBytes', '1GiB', 1024 ** 3],
  ['keepMs', 1000, 1000],
  ['engineWaitMs', 0, 0],
  ['users.firstUid', 260_000, 260_000],
  ['metrics', { port: 9464 }, expect.objectContaining({ port: 9464 })],
  ['logger', logger, logger],
  ['driver', driver, driver],
])('%s: %j', (path, given, wanted) => {
  expect(read(parseRunnerOptions(withOption(path, given)), path)).toEqual(wanted)
})

test('what was checked once is taken again', () => {
  const once = parseRunnerOptions({ tenants: { a: {} } })
  expect(parseRunnerOptions(once)).toEqual(once)
})

describe('refused', () => {
  test.each<[path: string, given: unknown, at: string, reason: RegExp]>([
    ['stateDir', '', 'stateDir', /empty/],
    ['stateDir', 'a\0', 'stateDir', /NUL/],
    ['base', 'Debian', 'base', /upper case/],
    ['limits.pids', 0, 'limits.pids', /no limit/],
    ['workspace.sizeBytes', 1, 'workspace.sizeBytes', /1MiB/],
    ['network', 'host', 'network', /share the host's network/],
    ['runtime', '/bin/runc', 'runtime', /a path is refused/],
    ['concurrency', 0, 'concurrency', /1 to 10,000/],
    ['concurrency', Infinity, 'concurrency', /null/],
    ['memoryBytes', '1MiB', 'memoryBytes', /64MiB to/],
    ['queue.maxWaiting', 0, 'queue.maxWaiting', /1 to/],
    ['queue.maxWaitingPerTenant', 1.5, 'queue.maxWaitingPerTenant', /whole/],
    ['queue.maxRunningPerTenant', 0, 'queue.maxRunningPerTenant', /null for no cap/],
    ['queue.ageingMs', 0, 'queue.ageingMs', /null for never/],
    ['queue.maxwaiting', 1, 'queue.maxwaiting', /did you mean maxWaiting/],
    ['tenants', { '../x': {} }, 'tenants["../x"]', /tenant|dot/],
    ['tenants', [], 'tenants', /by tenant/],
    ['tenants.a', { weight: 0 }, 'tenants.a.weight', /0.01/],
    ['tenants.a', { maxRunning: 0 }, 'tenants.a.maxRunning', /1 to/],
    ['tenants.a', { maxWaiting: -1 }, 'tenants.a.maxWaiting', /1 to/],
    ['tenants.a', { wieght: 1 }, 'tenants.a.wieght', /unknown option/],
    ['pool.idle', -1, 'pool.idle', /0 to 1,000/],
    ['pool.uses', 0, 'pool.uses', /1 to/],
    ['cacheStore.maxBytes', '5GB', 'cacheStore.maxBytes', /powers of 1000/],
    ['cacheStore.maxBytesPerTenant', -1, 'cacheStore.maxBytesPerTenant', /allowed/],
    ['cacheStore.maxEntryBytes', NaN, 'cacheStore.maxEntryBytes', /allowed/],
    ['cacheStore.maxAgeMs', 1, 'cacheStore.maxAgeMs', /1,000/],
    ['logBytes', 1, 'logBytes', /64KiB/],
    ['sourceBytes', -1, 'sourceBytes', /allowed/],
    ['sourceEntries', 0, 'sourceEntries', /1 to/],
    ['keepBuilds', 0, 'keepBuilds', /1 to/],
    ['keepBytes', -1, 'keepBytes', /allowed/],
    ['keepMs', 0, 'keepMs', /1,000 to/],
    ['engineWaitMs', -1, 'engineWaitMs', /0 to/],
    ['users.firstUid', 0, 'users.firstUid', /1,000/],
    ['metrics', { port: 65_536 }, 'metrics.port', /65,535/],
    ['logger', { info: () => undefined }, 'logger', /`debug`, `info`, `warn` and `error`/],
    ['driver', {}, 'driver', /a driver/],
    ['concurency', 1, 'concurency', /did you mean concurrency/],
    ['maxWaiting', 1, 'maxWaiting', /did you mean queue\.maxWaiting/],
  ])('%s: %j', (path, given, at, reason) => {
    const { message, issues } = refused(() => parseRunnerOptions(withOption(path, given)))
    expect(issues.map((issue) => issue.path)).toContain(at)
    expect(message).toMatch(anyCase(reason))
  })

  test.each([null, 5, 'x', []])('%j in place of options', (raw) => {
    expect(refused(() => parseRunnerOptions(raw)).message).toMatch(/an object/)
  })
})
