import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { InvalidOptionsError, UserError } from '../../../src/errors.js'
import { defaultStateFolder, UserAllocator } from '../../../src/users/index.js'
import { useFolder, usePrograms } from './fixture.js'

const folder = useFolder()
const start = usePrograms()

const range = { firstUid: 300_000, lastUid: 310_000, firstAnonymousUid: 309_000 }
const named = (name: string) => ({ name, home: null, uid: null, gid: null })

/** What the lines of the program `allocate` promise. */
function promises(lines: readonly string[]): Map<string, number> {
  return new Map(lines.map((line) => [line.split(' ')[0] ?? '', Number(line.split(' ')[1])]))
}

test('a name keeps its uid and gid, also in another allocator and another process', async () => {
  const stateDir = folder()
  const first = await new UserAllocator({ stateDir, ...range }).resolve({ ...named('u0'), home: '/home/u0' })
  expect(first).toMatchObject({ name: 'u0', uid: 300_000, gid: 300_000, home: '/home/u0' })
  await first.release()
  const program = start('allocate', stateDir, '2')
  expect(await program.ended).toBe(0)
  expect(program.lines).toEqual(['u0 300000', 'u1 300001'])
  const users = new UserAllocator({ stateDir, ...range })
  expect((await users.list()).map(({ name, uid, gid }) => [name, uid, gid])).toEqual([
    ['u0', 300_000, 300_000],
    ['u1', 300_001, 300_001],
  ])
})

test.each(['__proto__', 'constructor', 'tostring', '_', 'a'.repeat(32)])(
  'the name %s is one like any other',
  async (name) => {
    const users = new UserAllocator({ stateDir: folder(), ...range })
    expect(await users.resolve(named('other'))).toMatchObject({ uid: 300_000 })
    expect(await users.resolve(named(name))).toMatchObject({ name, uid: 300_001 })
    expect(await users.resolve(named(name))).toMatchObject({ name, uid: 300_001 })
  },
)

test('files are for their owner alone', async () => {
  const stateDir = join(folder(), 'a', 'b')
  const users = new UserAllocator({ stateDir, ...range })
  await users.resolve(named('alice'))
  await users.acquireAnonymous()
  expect(statSync(stateDir).mode & 0o777).toBe(0o700)
  expect(statSync(join(stateDir, 'users.json')).mode & 0o777).toBe(0o600)
  expect(statSync(join(stateDir, 'leases', '309000')).mode & 0o777).toBe(0o600)
})

/** Hundreds of names, each on disk before it is promised, by programs that have to start: longer than a unit test has. */
const OF_PROCESSES = { timeout: 3 * 60_000 }

describe('processes that race', OF_PROCESSES, () => {
  test('for the same 200 names agree on every one', async () => {
    const stateDir = folder()
    const programs = [start('allocate', stateDir, '200'), start('allocate', stateDir, '200')]
    expect(await Promise.all(programs.map(({ ended }) => ended))).toEqual([0, 0])
    const [left, right] = programs.map(({ lines }) => promises(lines))
    expect(left?.size).toBe(200)
    expect(right).toEqual(left)
    expect(new Set(left?.values()).size).toBe(200)
  })

  test('for 200 different names never get the same uid', async () => {
    const stateDir = folder()
    const programs = [start('allocate', stateDir, '100', 'a'), start('allocate', stateDir, '100', 'b')]
    expect(await Promise.all(programs.map(({ ended }) => ended))).toEqual([0, 0])
    const uids = programs.flatMap(({ lines }) => [...promises(lines).values()])
    expect(new Set(uids).size).toBe(200)
    expect(Math.max(...uids)).toBe(300_199)
  })

  test('two calls for one new name in one process agree', async () => {
    const users = new UserAllocator({ stateDir: folder(), ...range })
    const [left, right] = await Promise.all([users.resolve(named('alice')), users.resolve(named('alice'))])
    expect(left.uid).toBe(right.uid)
  })
})

test('a process that is killed at any moment breaks no promise and blocks nobody', OF_PROCESSES, async () => {
  const stateDir = folder()
  const promised = new Map<string, number>()
  for (let round = 0; round < 12; round++) {
    const program = start('allocate', stateDir, '1000', `r${round}x`)
    await program.saw(`r${round}x2 `)
    await delay(round * 7)
    await program.kill()
    // The last line may be cut.
    for (const [name, uid] of promises(program.lines.slice(0, -1))) promised.set(name, uid)
  }
  const users = new UserAllocator({ stateDir, ...range })
  expect(promised.size).toBeGreaterThanOrEqual(2 * 12)
  for (const [name, uid] of promised) expect(await users.resolve(named(name))).toMatchObject({ uid })
  await users.resolve(named('last'))
  const all = await users.list()
  expect(new Set(all.map(({ uid }) => uid)).size).toBe(all.length)
  expect(readdirSync(stateDir).sort()).toEqual(['lock', 'users.json'])
})

test('what a killed writer left is ignored and then removed', async () => {
  const stateDir = folder()
  writeFileSync(join(stateDir, 'users.json.12345-abcdef.tmp'), '{"version":1,"users":[{"na')
  const users = new UserAllocator({ stateDir, ...range })
  expect(await users.list()).toEqual([])
  await users.resolve(named('alice'))
  expect(readdirSync(stateDir).sort()).toEqual(['lock', 'users.json'])
})

describe('a state file that is damaged is left alone', () => {
  const record = (name: string, uid: number) => ({ name, uid, gid: uid, createdAt: '2026-01-01T00:00:00.000Z' })
  test.each<[string, string, RegExp]>([
    ['empty', '', /is damaged: it is not JSON/],
    ['truncated', '{"version":1,"users":[{"name":"al', /is damaged: it is not JSON/],
    ['binary', '\0\0\0\0', /is damaged/],
    ['another shape', '{"alice":200000}', /is damaged/],
    ['no version', '{"users":[]}', /is damaged/],
    ['a newer version', '{"version":2,"users":{}}', /version 2.*Update the package/],
    ['root', JSON.stringify({ version: 1, users: [record('alice', 0)] }), /is damaged/],
    ['a wrong name', JSON.stringify({ version: 1, users: [record('../x', 5)] }), /is damaged/],
    [
      'one name twice',
      JSON.stringify({ version: 1, users: [record('a', 5), record('a', 6)] }),
      /a name is in it twice/,
    ],
    ['one uid twice', JSON.stringify({ version: 1, users: [record('a', 5), record('b', 5)] }), /a uid is in it twice/],
    ['an extra field', JSON.stringify({ version: 1, users: [{ ...record('a', 5), shell: 'x' }] }), /is damaged/],
  ])('%s', async (_what, text, reason) => {
    const stateDir = folder()
    const path = join(stateDir, 'users.json')
    writeFileSync(path, text)
    const users = new UserAllocator({ stateDir, ...range })
    for (const call of [() => users.resolve(named('alice')), () => users.list(), () => users.acquireAnonymous()]) {
      const error: unknown = await call().catch((caught: unknown) => caught)
      expect(error).toBeInstanceOf(UserError)
      expect((error as Error).message).toMatch(reason)
      expect((error as Error).message).toMatch(/Nothing was changed/)
    }
    expect(readFileSync(path, 'utf8')).toBe(text)
  })
})

describe('the range', () => {
  test('when it is exhausted the next new name fails, the old ones do not', async () => {
    const users = new UserAllocator({
      stateDir: folder(),
      firstUid: 300_000,
      firstAnonymousUid: 300_002,
      lastUid: 300_003,
    })
    await users.resolve(named('a'))
    await users.resolve(named('b'))
    await expect(users.resolve(named('c'))).rejects.toThrow(/No uid is left.*300000 to 300001.*users.lastUid/)
    await expect(users.resolve(named('c'))).rejects.toBeInstanceOf(UserError)
    expect(await users.resolve(named('a'))).toMatchObject({ uid: 300_000 })
  })

  test('that moves leaves old uids as they are, and anonymous users out of them', async () => {
    const stateDir = folder()
    await new UserAllocator({ stateDir, ...range }).resolve(named('alice'))
    const moved = new UserAllocator({ stateDir, firstUid: 299_000, firstAnonymousUid: 300_000, lastUid: 300_001 })
    expect(await moved.resolve(named('alice'))).toMatchObject({ uid: 300_000 })
    expect(await moved.acquireAnonymous()).toMatchObject({ uid: 300_001 })
    await expect(moved.acquireAnonymous()).rejects.toThrow(/No uid is left/)
  })

  test('leaves out the accounts of this host', async () => {
    // 65534 is nobody and nogroup on every Linux (Linux Standard Base, "User & Group Names").
    const users = new UserAllocator({
      stateDir: folder(),
      firstUid: 65_534,
      firstAnonymousUid: 65_540,
      lastUid: 65_541,
    })
    expect(await users.resolve(named('a'))).toMatchObject({ uid: 65_535 })
  })

  test('a wrong one is refused', () => {
    expect(() => new UserAllocator({ firstUid: 0 })).toThrow(InvalidOptionsError)
  })
})

describe('an explicit uid', () => {
  test('is used as it is, with or without a name', async () => {
    const users = new UserAllocator({ stateDir: folder(), ...range })
    expect(await users.resolve({ name: 'a', home: null, uid: 1234, gid: 99 })).toMatchObject({ uid: 1234, gid: 99 })
    expect(await users.resolve({ name: null, home: null, uid: 1234, gid: null })).toMatchObject({
      name: null,
      gid: 1234,
    })
    expect(await users.list()).toEqual([])
  })

  test("may be the name's own, but nobody else's and none of the range", async () => {
    const users = new UserAllocator({ stateDir: folder(), ...range })
    await users.resolve(named('alice'))
    expect(await users.resolve({ ...named('alice'), uid: 300_000 })).toMatchObject({ uid: 300_000 })
    await expect(users.resolve({ ...named('bob'), uid: 300_000 })).rejects.toThrow(/belongs to the user alice/)
    await expect(users.resolve({ ...named('bob'), uid: 300_001 })).rejects.toThrow(/300000 to 310000/)
    await expect(users.resolve({ name: null, home: null, uid: 309_500, gid: null })).rejects.toBeInstanceOf(UserError)
  })
})

describe('the state folder', () => {
  test('is chosen by who asks', () => {
    expect(defaultStateFolder({ XDG_STATE_HOME: '/x' }, 0)).toBe('/var/lib/container-sandbox')
    expect(defaultStateFolder({ XDG_STATE_HOME: '/x' }, 1000)).toBe('/x/container-sandbox')
    expect(defaultStateFolder({ XDG_STATE_HOME: 'x' }, 1000)).toBe(join(homedir(), '.local/state/container-sandbox'))
    expect(defaultStateFolder({}, 1000)).toBe(join(homedir(), '.local/state/container-sandbox'))
  })

  test('that others can write to is refused, until it is repaired', async () => {
    const stateDir = folder()
    const users = new UserAllocator({ stateDir, ...range })
    chmodSync(stateDir, 0o777)
    await expect(users.resolve(named('a'))).rejects.toThrow(/is not safe: others can write to it \(mode 777\)/)
    expect(readdirSync(stateDir)).toEqual([])
    chmodSync(stateDir, 0o700)
    expect(await users.resolve(named('a'))).toMatchObject({ uid: 300_000 })
  })

  test.each<[string, (place: string) => string]>([
    ['a file', (place) => (writeFileSync(join(place, 'f'), ''), join(place, 'f'))],
    ['below a file', (place) => (writeFileSync(join(place, 'f'), ''), join(place, 'f', 'g'))],
    ['a loop of links', (place) => (symlinkSync('l', join(place, 'l')), join(place, 'l'))],
    ['a place where nothing can be made', () => '/proc/container-sandbox'],
  ])('%s is a UserError', async (_what, make) => {
    const users = new UserAllocator({ stateDir: make(folder()), ...range })
    await expect(users.resolve(named('a'))).rejects.toBeInstanceOf(UserError)
    await expect(users.resolve(named('a'))).rejects.toThrow(/users.stateDir/)
  })

  test('with a folder in place of the state file', async () => {
    const stateDir = folder()
    mkdirSync(join(stateDir, 'users.json'))
    await expect(new UserAllocator({ stateDir, ...range }).resolve(named('a'))).rejects.toThrow(/Cannot read.*EISDIR/)
  })
})
