import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  closeSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest'
import { InvalidOptionsError } from '../../../../src/errors.js'
import { encodeTarHeader } from '../../../../src/image/tar-header.js'
import { cacheFile, digestOf } from '../../../../src/runner/caches/cache-address.js'
import { FACTS_BYTES } from '../../../../src/runner/caches/cache-file.js'
import { CacheStore, type CacheRequest } from '../../../../src/runner/caches/index.js'
import { archiveStream, type ArchiveEntry } from '../../../helpers/archives.js'
import { folderGuest } from '../../../helpers/folder-guest.js'
import { rejection } from '../../../helpers/sandboxes.js'

const LIMITS = { maxBytes: 1e9, maxBytesPerTenant: 1e9, maxEntryBytes: 1e8, maxAgeMs: 86_400_000 }
const DIGEST = digestOf(['one'])
const OTHER_DIGEST = digestOf(['two'])

let work: string
let store: CacheStore
let builds = 0

beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'caches-'))
  store = new CacheStore(join(work, 'store'), LIMITS)
})
afterEach(() => rmSync(work, { recursive: true, force: true }))

type Given = Partial<Omit<CacheRequest, 'cache'>> & { key?: string; path?: string; fallback?: boolean }

function request({ key = 'deps', path = 'deps', fallback = true, ...rest }: Given = {}): CacheRequest {
  const signal = AbortSignal.timeout(20_000)
  return { tenant: 'acme', digest: DIGEST, workspace: '/', signal, ...rest, cache: { key, path, fallback } }
}

/** A fresh workspace that holds these files. */
function workspace(files: Record<string, string> = {}): string {
  const folder = join(work, `build-${(builds += 1)}`)
  mkdirSync(folder)
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
  return folder
}

async function save(content: string, given: Given = {}): Promise<void> {
  const folder = workspace({ [`${given.path ?? 'deps'}/file`]: content })
  expect(await store.save(folderGuest(folder), request(given))).toMatchObject({ saved: true, reason: null })
}

/** What a build finds in its cache's folder. */
async function restored(given: Given = {}): Promise<string> {
  const folder = workspace()
  const result = await store.restore(folderGuest(folder), request(given))
  const file = join(folder, given.path ?? 'deps', 'file')
  return `${result.restored}: ${existsSync(file) ? readFileSync(file, 'utf8') : 'nothing'}`
}

function files(): string[] {
  const all = readdirSync(join(work, 'store'), { recursive: true, withFileTypes: true })
  return all.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

const fileOf = (given: Given = {}) => {
  const { tenant, cache, digest } = request(given)
  return join(work, 'store', cacheFile({ tenant, ...cache }, digest))
}

test('a build begins with what an earlier one left', async () => {
  expect(await restored()).toBe('none: nothing')
  const first = workspace({ 'deps/a/file': 'one', 'deps/run': '#!', other: 'x' })
  chmodSync(join(first, 'deps/run'), 0o4755)
  utimesSync(join(first, 'deps/a/file'), 1e9, 1e9)
  mkdirSync(join(first, 'deps/empty'))
  symlinkSync('a/file', join(first, 'deps/link'))
  expect(await store.save(folderGuest(first), request())).toEqual({ saved: true, bytes: 5, reason: null })
  const second = workspace()
  const result = await store.restore(folderGuest(second), request())
  expect(result).toEqual({ restored: 'exact', bytes: 5, entries: 5, reason: null })
  expect(readdirSync(second, { recursive: true }).sort()).toEqual([
    'deps',
    'deps/a',
    'deps/a/file',
    'deps/empty',
    'deps/link',
    'deps/run',
  ])
  expect(statSync(join(second, 'deps/run')).mode & 0o7777).toBe(0o755)
  expect(await store.save(folderGuest(second), request())).toMatchObject({ saved: false, reason: /another build/ })
})

test('other contents get the newest of the same name, unless they want none', async () => {
  await save('old', { digest: DIGEST })
  await new Promise((resolve) => setTimeout(resolve, 5))
  await save('new', { digest: OTHER_DIGEST })
  const digest = digestOf(['three'])
  expect(await restored({ digest })).toBe('fallback: new')
  expect(await restored({ digest: DIGEST })).toBe('exact: old')
  // What was used last is not what is newest.
  expect(await restored({ digest })).toBe('fallback: new')
  expect(await restored({ digest, fallback: false })).toBe('none: nothing')
})

describe('no cache is of two', () => {
  it.each<[string, Given, Given]>([
    ['tenants', { tenant: 'acme' }, { tenant: 'other' }],
    ['a tenant and the one below', { tenant: 'acme' }, { tenant: 'acme/alice' }],
    ['names that are one when put together', { tenant: 'a/b', key: 'c' }, { tenant: 'a', key: 'b/c' }],
    ['tenant and key that change places', { tenant: 'a', key: 'b' }, { tenant: 'b', key: 'a' }],
    ['keys', { key: 'a' }, { key: 'b' }],
    ['key and path that are one when put together', { key: 'a', path: 'bc' }, { key: 'ab', path: 'c' }],
    ['paths', { path: 'a' }, { path: 'b' }],
    ['names by case', { tenant: 'acme' }, { tenant: 'Acme' }],
    ['keys that are paths', { key: '..' }, { key: '../..' }],
    ['a key that names another tenant', { tenant: 'a', key: 'x' }, { tenant: 'b', key: '../a/x' }],
    ['a key that is a digest', { key: digestOf(['cache', 'deps', 'deps']) }, { key: 'deps' }],
  ])('%s', async (_, one, other) => {
    await save('mine', one)
    expect(await restored(other)).toBe('none: nothing')
    await save('yours', other)
    expect(await restored(one)).toBe('exact: mine')
    expect(await restored(other)).toBe('exact: yours')
    expect(files().filter((file) => !file.startsWith(join(work, 'store')))).toEqual([])
  })

  it('even when a file was put where it does not belong', async () => {
    await save('mine')
    mkdirSync(dirname(fileOf({ tenant: 'other' })), { recursive: true })
    renameSync(fileOf(), fileOf({ tenant: 'other' }))
    expect(await restored({ tenant: 'other' })).toBe('none: nothing')
    expect(files()).toEqual([])
  })

  it('and a digest is no path', async () => {
    const error = await rejection(store.restore(folderGuest(workspace()), request({ digest: '../../../x' })))
    expect(error).toBeInstanceOf(InvalidOptionsError)
  })
})

describe('a damaged cache is none, and gone', () => {
  const size = () => statSync(fileOf()).size
  const overwrite = (at: number, byte: number) => {
    const file = openSync(fileOf(), 'r+')
    writeSync(file, Buffer.from([byte]), 0, 1, at)
    closeSync(file)
  }
  it.each<[string, () => void]>([
    ['a byte of the content', () => overwrite(512, 0x58)],
    ['a byte of a header', () => overwrite(0, 0x58)],
    ['a byte of the facts', () => overwrite(size() - FACTS_BYTES + 30, 0x58)],
    ['cut', () => truncateSync(fileOf(), size() - 512)],
    ['longer', () => appendFileSync(fileOf(), Buffer.alloc(512))],
    ['empty', () => truncateSync(fileOf(), 0)],
    ['facts only', () => writeFileSync(fileOf(), readFileSync(fileOf()).subarray(-FACTS_BYTES))],
    ['a folder', () => (rmSync(fileOf()), mkdirSync(fileOf()))],
    ['a link', () => (renameSync(fileOf(), join(work, 'away')), symlinkSync(join(work, 'away'), fileOf()))],
    ['a FIFO', () => (rmSync(fileOf()), execFileSync('mkfifo', [fileOf()]))],
  ])('%s', async (_, damage) => {
    await save('content')
    damage()
    expect(await restored()).toBe('none: nothing')
    expect(existsSync(fileOf())).toBe(false)
    await save('again')
    expect(await restored()).toBe('exact: again')
  })

  it('and an older one takes its place', async () => {
    await save('old', { digest: OTHER_DIGEST })
    await save('new')
    overwrite(512, 0x58)
    expect(await restored()).toBe('fallback: old')
  })
})

describe('what is not saved tells why and fails nothing', () => {
  const sending =
    (...entries: ArchiveEntry[]) =>
    () =>
      archiveStream(...entries)
  it.each<[string, ArchiveEntry[], RegExp]>([
    ['a link out', [[{ name: 'l', type: 'symlink', linkname: '../../secret' }]], /leads out/],
    ['an absolute link', [[{ name: 'l', type: 'symlink', linkname: '/etc/passwd' }]], /leads out/],
    ['through a link', [[{ name: 'l', type: 'symlink', linkname: 'x' }], [{ name: 'l/y' }]], /passes through a link/],
    ['a hard link out', [[{ name: 'l', type: 'link', linkname: '../../secret' }]], /climbs/],
    ['a device', [[{ name: 'd', type: 'character-device', devmajor: 1, devminor: 3 }]], /character-device/],
    ['climbing', [[{ name: '../x' }]], /climbs/],
    ['absolute', [[{ name: '/x' }]], /absolute/],
    ['controls', [[{ name: '../\u001b[2J' }]], /\\u001b\[2J/],
  ])('%s', async (_, entries, reason) => {
    const guest = folderGuest(workspace({ 'deps/x': 'x' }), sending(...entries))
    const result = await store.save(guest, request())
    expect(result.saved).toBe(false)
    expect(result.reason).toMatch(reason)
    expect(files()).toEqual([])
  })

  it('no folder, a file or a link in its place or on the way', async () => {
    const folder = workspace({ file: 'x', 'real/deps/x': 'x' })
    symlinkSync('real', join(folder, 'link'))
    symlinkSync('real/deps', join(folder, 'deps'))
    const reasons: unknown[] = []
    for (const path of ['missing', 'file', 'deps', 'link/deps']) {
      const guest = folderGuest(folder)
      const { reason } = await store.save(guest, request({ path }))
      reasons.push(reason)
      await save('x', { path })
      expect(await store.restore(guest, request({ path: path }))).toMatchObject({
        restored: path === 'missing' ? 'exact' : 'none',
        reason: path === 'missing' ? null : reason,
      })
    }
    expect(reasons).toEqual([
      "there is no folder 'missing'",
      "'file' is a file and no folder",
      "'deps' is a symlink and no folder",
      "'link' is a symlink and no folder",
    ])
  })

  it('too large, by content or by what it says', async () => {
    store = new CacheStore(join(work, 'store'), { ...LIMITS, maxEntryBytes: 20_000 })
    await save('x'.repeat(9_000))
    const large = folderGuest(workspace({ 'deps/x': 'x'.repeat(20_000) }))
    const reason = 'it has more than 20000 bytes, the most for one cache'
    expect(await store.save(large, request({ key: 'k' }))).toEqual({ saved: false, bytes: 0, reason })
    // A header that promises a terabyte, and content that never ends.
    const sparse = encodeTarHeader({
      path: Buffer.from('x'),
      type: 'file',
      mode: 0o644,
      uid: 0,
      gid: 0,
      size: 1024 ** 4,
    })
    let given = 0
    const endless = function* () {
      yield sparse
      for (; ; given += 65_536) yield Buffer.alloc(65_536)
    }
    const bomb = folderGuest(workspace({ 'deps/x': 'x' }), () => Readable.from(endless(), { objectMode: false }))
    expect(await store.save(bomb, request({ key: 'k' }))).toEqual({ saved: false, bytes: 0, reason })
    expect(given).toBeLessThan(4 * 1024 ** 2)
    expect(files()).toEqual([fileOf()])
    const none = new CacheStore(join(work, 'store'), { ...LIMITS, maxBytes: 0 })
    expect(await none.save(large, request({ key: 'k' }))).toMatchObject({ reason: 'the store takes no caches' })
  })
})

test('an abort ends it and leaves nothing', async () => {
  const guest = folderGuest(workspace({ 'deps/x': 'x' }))
  const signal = AbortSignal.abort(new Error('enough'))
  expect(String(await rejection(store.save(guest, request({ signal }))))).toBe('Error: enough')
  await save('x')
  expect(String(await rejection(store.restore(guest, request({ signal }))))).toBe('Error: enough')
  expect(files()).toEqual([fileOf()])
})

test('what was used longest ago goes when there is no room, and a tenant makes room at its own cost', async () => {
  const one = 'x'.repeat(100_000)
  store = new CacheStore(join(work, 'store'), { ...LIMITS, maxBytes: 600_000, maxBytesPerTenant: 350_000 })
  const age = (given: Given, minutes: number) => {
    const time = Date.now() / 1000 - minutes * 60
    utimesSync(fileOf(given), time, time)
  }
  await save(one, { tenant: 'quiet', key: 'a' })
  age({ tenant: 'quiet', key: 'a' }, 50)
  for (const [at, tenant] of ['acme', 'acme/x', 'acme/y'].entries()) {
    await save(one, { tenant, key: 'a' })
    age({ tenant, key: 'a' }, 40 - at)
  }
  // Used again, it is the last to go.
  expect(await restored({ tenant: 'acme', key: 'a' })).toMatch('exact')
  await save(one, { tenant: 'acme/z', key: 'a' })
  const kept = ['acme', 'acme/x', 'acme/y', 'acme/z', 'quiet'].filter((tenant) =>
    existsSync(fileOf({ tenant, key: 'a' })),
  )
  expect(kept).toEqual(['acme', 'acme/y', 'acme/z', 'quiet'])
  for (const key of ['a', 'b']) await save(one, { tenant: 'third', key })
  // All are full: the one that nobody used for longest goes, whoever it is of.
  expect(existsSync(fileOf({ tenant: 'quiet', key: 'a' }))).toBe(false)
  expect(files().reduce((sum, file) => sum + statSync(file).size, 0)).toBeLessThanOrEqual(600_000)
})

test('a cache that is evicted while it is read is read to its end', async () => {
  await save('x'.repeat(1_000_000))
  const folder = workspace()
  const guest = folderGuest(folder)
  const upload = guest.fs.uploadPacked.bind(guest.fs)
  guest.fs.uploadPacked = async (...parameters) => {
    rmSync(fileOf())
    return upload(...parameters)
  }
  expect(await store.restore(guest, request())).toMatchObject({ restored: 'exact', bytes: 1_000_000 })
  expect(statSync(join(folder, 'deps/file')).size).toBe(1_000_000)
})

test('of saves at once one wins, whole', async () => {
  const contents = Array.from({ length: 8 }, (_, n) => String(n).repeat(300_000))
  const guests = contents.map((content) => folderGuest(workspace({ 'deps/file': content })))
  const results = await Promise.all(guests.map((guest) => store.save(guest, request())))
  expect(results.filter(({ saved }) => saved).length).toBeGreaterThan(0)
  const found = await restored()
  expect(contents.map((content) => `exact: ${content}`).includes(found)).toBe(true)
  expect(files()).toEqual([fileOf()])
})

test('a folder that held something keeps it beside what is restored', async () => {
  await save('cached')
  const folder = workspace({ 'deps/own': 'own', 'deps/file': 'older' })
  await store.restore(folderGuest(folder), request())
  expect(readFileSync(join(folder, 'deps/own'), 'utf8')).toBe('own')
  expect(readFileSync(join(folder, 'deps/file'), 'utf8')).toBe('cached')
})

describe('a sweep', () => {
  it('removes what is old, half written by the dead, and empty folders; nothing else', async () => {
    await save('kept')
    await save('old', { key: 'old', tenant: 'gone' })
    utimesSync(fileOf({ key: 'old', tenant: 'gone' }), 1e9, 1e9)
    const partial = join(work, 'store/partial')
    const [own, dead] = [`${process.pid}.`, '4194304.']
    const facts = '1234.00000000-0000-0000-0000-000000000000.4026531836.abcdef'
    writeFileSync(join(partial, dead + facts), 'x'.repeat(100))
    writeFileSync(join(partial, `${own}${facts}`), 'x')
    writeFileSync(join(partial, 'foreign'), 'x')
    mkdirSync(join(work, 'store', 'f'.repeat(64), 'f'.repeat(64), 'f'.repeat(64)), { recursive: true })
    writeFileSync(join(work, 'store', 'README'), 'mine')
    const removed = await store.sweep()
    expect(removed.files).toBe(3)
    expect(files().sort()).toEqual([fileOf(), join(partial, 'foreign'), join(work, 'store', 'README')].sort())
    expect(readdirSync(join(work, 'store')).length).toBe(3)
  })

  it('does not take what is being written', async () => {
    const folder = workspace({ 'deps/x': 'x' })
    const guest = folderGuest(folder)
    const download = guest.fs.downloadArchive.bind(guest.fs)
    guest.fs.downloadArchive = async (...parameters) => {
      expect(files().length).toBe(1)
      await store.sweep()
      return download(...parameters)
    }
    expect(await store.save(guest, request())).toMatchObject({ saved: true })
  })

  it('of a store that was never used is nothing', async () => {
    expect(await store.sweep()).toEqual({ files: 0, bytes: 0 })
    expect(readdirSync(work)).toEqual([])
  })
})

test('what is too old is not restored before it is swept', async () => {
  await save('old')
  utimesSync(fileOf(), 1e9, 1e9)
  expect(await restored()).toBe('none: nothing')
})

test('everything is for this user alone', async () => {
  await save('x')
  const modes = readdirSync(join(work, 'store'), { recursive: true, encoding: 'utf8' }).map((name) => {
    const stats = statSync(join(work, 'store', name))
    return stats.isDirectory() ? stats.mode & 0o7777 : (stats.mode & 0o7777) | 0o100
  })
  expect(new Set([...modes, statSync(join(work, 'store')).mode & 0o7777])).toEqual(new Set([0o700]))
})
