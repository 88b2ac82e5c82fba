import { chmodSync, existsSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { InvalidOptionsError, UserError } from '../../../src/errors.js'
import { FileAuthenticator, FileDirectory, UserAllocator } from '../../../src/users/index.js'
import { useLineServer } from '../../helpers/line-server.js'
import { useFolder } from './fixture.js'

const folder = useFolder()
const start = useLineServer('file-server')

const range = { firstUid: 300_000, lastUid: 310_000, firstAnonymousUid: 309_000 }
const { signal } = new AbortController()

function setUp() {
  const stateDir = folder()
  const path = join(stateDir, 'accounts.json')
  const open = () => new FileDirectory({ path, users: { stateDir, ...range }, scryptLogN: 14 })
  return { stateDir, path, open, directory: open() }
}

async function errorOf(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => expect.unreachable('it resolved'),
    (error: unknown) => error as Error,
  )
}

describe('users of a file', () => {
  test('are added, found, listed and changed, also from another object', async () => {
    const { directory, open } = setUp()
    const alice = await directory.add({ name: 'alice', home: '/home/alice', password: 'first' })
    expect(alice).toMatchObject({ name: 'alice', uid: 300_000, gid: 300_000, home: '/home/alice', hasPassword: true })
    expect(JSON.stringify(alice)).not.toContain('first')
    expect(await open().lookup('alice')).toEqual(alice)
    await open().rename('alice', 'alicia')
    await open().setHome('alicia', null)
    expect(await directory.lookup('alice')).toBeNull()
    expect(await directory.list()).toEqual([{ ...alice, name: 'alicia', home: null }])
    await directory.remove('alicia')
    expect(await directory.list()).toEqual([])
  })

  test('never get the uid of another one, also not of one that was removed', async () => {
    const { directory } = setUp()
    const uids = []
    for (const name of ['a', 'b', 'a', 'a']) {
      uids.push((await directory.add({ name })).uid)
      await directory.remove(name)
    }
    expect(uids).toEqual([300_000, 300_001, 300_002, 300_003])
  })

  test('share no uid with names, with anonymous users, or with the users of another file', async () => {
    const { directory, stateDir } = setUp()
    const other = new FileDirectory({ path: join(stateDir, 'more.json'), users: { stateDir, ...range } })
    const names = new UserAllocator({ stateDir, ...range })
    const uids = [
      (await directory.add({ name: 'alice' })).uid,
      (await other.add({ name: 'alice' })).uid,
      (await names.resolve({ name: 'alice', home: null, uid: null, gid: null })).uid,
      (await names.acquireAnonymous()).uid,
    ]
    expect(uids).toEqual([300_000, 300_001, 300_002, 309_000])
  })

  test('leave out what belongs to an account of this host', async () => {
    const users = { stateDir: folder(), firstUid: 65_534, firstAnonymousUid: 65_540, lastUid: 65_541 }
    const directory = new FileDirectory({ users })
    // 65534 is nobody on every Linux.
    expect(await directory.add({ name: 'a' })).toMatchObject({ uid: 65_535 })
    expect(directory.path).toBe(join(users.stateDir, 'accounts.json'))
  })

  test('are for the owner of the file alone', async () => {
    const { directory, path } = setUp()
    await directory.add({ name: 'alice', password: 'secret words' })
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(readFileSync(path, 'utf8')).not.toContain('secret words')
  })

  test('may be kept behind a link, which stays one', async () => {
    const { directory, path, stateDir } = setUp()
    await directory.add({ name: 'alice' })
    const link = join(stateDir, 'link.json')
    symlinkSync(path, link)
    await new FileDirectory({ path: link, users: { stateDir, ...range } }).add({ name: 'bob' })
    expect((await directory.list()).map(({ name }) => name)).toEqual(['alice', 'bob'])
  })

  test.each(['__proto__', 'constructor', '_'])('may be called %s', async (name) => {
    const { directory } = setUp()
    expect(await directory.lookup(name)).toBeNull()
    await directory.add({ name, password: 'x' })
    expect(await directory.lookup(name)).toMatchObject({ name })
  })
})

describe('is refused, and nothing changes:', () => {
  test.each<[string, object, RegExp]>([
    ['root', { name: 'root' }, /name of uid 0/],
    ['..', { name: '..' }, /not a path/],
    ['empty', { name: '' }, /empty/],
    ['a colon', { name: 'a:b' }, /name/],
    ['a newline', { name: 'a\n' }, /name/],
    ['no name', {}, /name/],
    ['an empty password', { name: 'a', password: '' }, /1 to 1,024 bytes/],
    ['a NUL in the password', { name: 'a', password: 'hunter2\0' }, /without NUL/],
    ['a password of 1 MiB', { name: 'a', password: 'hunter2'.repeat(150_000) }, /1 to 1,024 bytes/],
    ['half a surrogate pair', { name: 'a', password: 'hunter2\ud800' }, /UTF-8/],
    ['a password in a box', { name: 'a', password: { hunter2: 'hunter2' } }, /not shown/],
    ['an unknown option', { name: 'a', uid: 5 }, /unknown option/],
  ])('%s', async (_what, options, reason) => {
    const { directory, path } = setUp()
    const error = await errorOf(directory.add(options as { name: string }))
    expect(error).toBeInstanceOf(InvalidOptionsError)
    expect(error.message).toMatch(reason)
    expect(error.message + JSON.stringify(error)).not.toContain('hunter2')
    expect(existsSync(path)).toBe(false)
  })

  test('a name that is taken, or that nobody has', async () => {
    const { directory, path } = setUp()
    await directory.add({ name: 'alice' })
    await directory.add({ name: 'bob' })
    const before = readFileSync(path, 'utf8')
    const calls = [
      () => directory.add({ name: 'alice' }),
      () => directory.rename('bob', 'alice'),
      () => directory.rename('carl', 'dora'),
      () => directory.remove('carl'),
      () => directory.setPassword('carl', 'x'),
      () => directory.rename('bob', 'root'),
    ]
    for (const call of calls) expect((await errorOf(call())).message).toMatch(/There is (a|no) user|name of uid 0/)
    expect(readFileSync(path, 'utf8')).toBe(before)
  })
})

describe('a file that cannot be trusted is left alone:', () => {
  const user = (id: number, name: string, uid: number) => ({
    id: `00000000-0000-4000-8000-00000000000${id}`,
    name,
    uid,
    home: null,
    password: null,
    createdAt: '2026-01-01T00:00:00.000Z',
  })
  const file = (...users: unknown[]) => JSON.stringify({ version: 1, users })
  test.each<[string, string, RegExp]>([
    ['empty', '', /is damaged: it is not JSON/],
    ['broken', '{"version":1,"users":[{"na', /is damaged: it is not JSON/],
    ['of another shape', '[]', /is damaged/],
    ['newer', '{"version":2,"users":[]}', /version 2.*Update the package/],
    ['a name twice', file(user(1, 'a', 5), user(2, 'a', 6)), /the name a is in it twice/],
    ['a uid twice', file(user(1, 'a', 5), user(2, 'b', 5)), /the uid 5 is in it twice/],
    ['an id twice', file(user(1, 'a', 5), user(1, 'b', 6)), /the id .* is in it twice/],
    ['uid 0', file(user(1, 'a', 0)), /is damaged/],
    ['a negative uid', file(user(1, 'a', -1)), /is damaged/],
    ['a uid over 2^31', file(user(1, 'a', 2 ** 31)), /is damaged/],
    ['a fraction', file(user(1, 'a', 1.5)), /is damaged/],
    ['root', file(user(1, 'root', 5)), /is damaged/],
    ['..', file(user(1, '..', 5)), /is damaged/],
    ['a colon', file(user(1, 'a:b', 5)), /is damaged/],
    ['a newline', file(user(1, 'a\n', 5)), /is damaged/],
    ['a relative home', file({ ...user(1, 'a', 5), home: 'x' }), /is damaged/],
    ['an extra field', file({ ...user(1, 'a', 5), admin: true }), /is damaged/],
    [
      'a hash that costs 64 GiB',
      file({ ...user(1, 'a', 5), password: { algorithm: 'scrypt', logN: 26, r: 8, p: 1, salt: '', hash: '' } }),
      /is damaged/,
    ],
  ])('%s', async (_what, text, reason) => {
    const { directory, path } = setUp()
    writeFileSync(path, text, { mode: 0o600 })
    for (const call of [() => directory.lookup('a'), () => directory.list(), () => directory.add({ name: 'zoe' })]) {
      const error = await errorOf(call())
      expect(error).toBeInstanceOf(UserError)
      expect(error.message).toMatch(reason)
      expect(error.message).toMatch(/Nothing was changed/)
    }
    expect(readFileSync(path, 'utf8')).toBe(text)
  })

  test('readable by others', async () => {
    const { directory, path } = setUp()
    await directory.add({ name: 'alice' })
    chmodSync(path, 0o644)
    expect((await errorOf(directory.lookup('alice'))).message).toMatch(/others can read.*chmod 600/)
    chmodSync(path, 0o600)
    expect(await directory.lookup('alice')).not.toBeNull()
  })

  test('in a folder that others can write to', async () => {
    const { path } = setUp()
    const directory = new FileDirectory({ path, users: { stateDir: folder(), ...range } })
    chmodSync(join(path, '..'), 0o777)
    expect((await errorOf(directory.add({ name: 'alice' }))).message).toMatch(/others can write to it/)
  })

  test('a folder, a FIFO or a device in its place', async () => {
    const { stateDir } = setUp()
    for (const path of [stateDir, '/dev/null', '/dev/zero']) {
      const error = await errorOf(new FileDirectory({ path, users: { stateDir } }).list())
      expect(error.message).toMatch(/is not a file|cannot be read/)
    }
  })
})

describe('a crash', () => {
  test.each([
    ['before-sync', false],
    ['before-rename', false],
    ['after-rename', true],
  ])('%s leaves a whole file', async (point, isThere) => {
    const { directory, path, stateDir } = setUp()
    await directory.add({ name: 'alice' })
    const before = readFileSync(path, 'utf8')
    const server = start([path, stateDir, point])
    void server.ask({ op: 'add', name: 'bob' })
    expect(await server.ended).toBe('SIGKILL')
    if (!isThere) expect(readFileSync(path, 'utf8')).toBe(before)
    expect((await directory.lookup('bob')) !== null).toBe(isThere)
    if (isThere) await directory.remove('bob')
    // The uid that the dead process had taken is not given to anybody.
    const bob = await directory.add({ name: 'bob' })
    expect(bob.uid).toBe(300_002)
    expect(readdirSync(stateDir).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })
})

describe('passwords', () => {
  const check = (directory: FileDirectory, username: string, password: string) =>
    new FileAuthenticator(directory).authenticate({ username, password, signal })

  test('only the right one is right', async () => {
    const { directory } = setUp()
    await directory.add({ name: 'alice', password: 'correct horse' })
    await directory.add({ name: 'bob' })
    expect(await check(directory, 'alice', 'correct horse')).toBe(true)
    for (const wrong of [
      '',
      'correct hors',
      'correct horse ',
      'correct horse\0',
      'x'.repeat(2 ** 20),
      'not a password',
    ]) {
      expect(await check(directory, 'alice', wrong)).toBe(false)
      expect(await check(directory, 'bob', wrong)).toBe(false)
      expect(await check(directory, 'nobody', wrong)).toBe(false)
    }
  })

  test("a placeholder is nobody's password, also not of whoever chose it", async () => {
    const { directory } = setUp()
    await directory.add({ name: 'alice', password: 'not a password' })
    expect(await check(directory, 'alice', 'not a password')).toBe(true)
    expect(await check(directory, 'alice', 'not a password\0')).toBe(false)
    expect(await check(directory, 'alice', '')).toBe(false)
  })

  test('letters that look alike and are written alike are alike', async () => {
    const { directory } = setUp()
    await directory.add({ name: 'alice', password: 'caf\u00e9' })
    expect(await check(directory, 'alice', 'cafe\u0301')).toBe(true)
    expect(await check(directory, 'alice', 'cafe')).toBe(false)
  })

  test('a changed one takes the place of the old one, and null ends all logins', async () => {
    const { directory } = setUp()
    await directory.add({ name: 'alice', password: 'old' })
    await directory.setPassword('alice', 'new')
    expect([await check(directory, 'alice', 'old'), await check(directory, 'alice', 'new')]).toEqual([false, true])
    await directory.setPassword('alice', null)
    expect(await check(directory, 'alice', 'new')).toBe(false)
  })

  test('a hash of a lower cost is replaced at the next right password, and at no wrong one', async () => {
    const { directory, path, stateDir } = setUp()
    await directory.add({ name: 'alice', password: 'right' })
    const dearer = new FileDirectory({ path, users: { stateDir, ...range }, scryptLogN: 15 })
    expect(await check(dearer, 'alice', 'wrong')).toBe(false)
    expect(readFileSync(path, 'utf8')).toContain('"logN":14')
    expect(await check(dearer, 'alice', 'right')).toBe(true)
    expect(readFileSync(path, 'utf8')).toContain('"logN":15')
    expect(await check(dearer, 'alice', 'right')).toBe(true)
  })

  test('two equal ones have different hashes', async () => {
    const { directory, path } = setUp()
    await directory.add({ name: 'alice', password: 'same' })
    await directory.add({ name: 'bob', password: 'same' })
    const hashes = [...readFileSync(path, 'utf8').matchAll(/"hash":"([^"]+)"/g)].map(([, hash]) => hash)
    expect(new Set(hashes).size).toBe(2)
  })
})
