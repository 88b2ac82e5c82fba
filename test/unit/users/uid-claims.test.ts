import { join } from 'node:path'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { UserError } from '../../../src/errors.js'
import { UserAllocator, type DirectoryUser } from '../../../src/users/index.js'
import { useFolder } from './fixture.js'

const folder = useFolder()
const range = { firstUid: 300_000, lastUid: 310_000, firstAnonymousUid: 309_000 }

function user(account: string, uid: number, changes: Partial<DirectoryUser> = {}): DirectoryUser {
  const key = { source: 'unix', account }
  return { key, name: account, uid, gid: uid, home: null, homeOwner: null, ...changes }
}

const setUp = () => {
  const stateDir = folder()
  return { stateDir, users: new UserAllocator({ stateDir, ...range }) }
}

test('a claimed uid is kept, and the same claim is no second one', async () => {
  const { users, stateDir } = setUp()
  await users.claim(user('alice', 1_900_001_000))
  const before = readFileSync(join(stateDir, 'users.json'), 'utf8')
  await new UserAllocator({ stateDir, ...range }).claim(user('alice', 1_900_001_000))
  expect(readFileSync(join(stateDir, 'users.json'), 'utf8')).toBe(before)
  expect(await users.list()).toMatchObject([{ source: 'unix', account: 'alice', uid: 1_900_001_000 }])
})

test('a sandbox of that user may have it, one of another name may not', async () => {
  const { users } = setUp()
  await users.claim(user('alice', 1_900_001_000))
  const wanted = { home: null, uid: 1_900_001_000, gid: 1_900_001_000 }
  expect(await users.resolve({ ...wanted, name: 'alice' })).toMatchObject({ uid: 1_900_001_000 })
  for (const name of ['bob', null]) await expect(users.resolve({ ...wanted, name })).rejects.toThrow(/belongs to/)
})

test('a user who is called another way keeps the uid under the new name', async () => {
  const { users } = setUp()
  const key = { source: 'file', account: 'id-1' }
  const { uid } = await users.assign(key, 'alice')
  await users.claim(user('id-1', uid, { key, name: 'alicia' }))
  expect(await users.list()).toMatchObject([{ name: 'alicia', uid }])
  expect(await users.resolve({ name: 'alicia', home: null, uid, gid: uid })).toMatchObject({ uid })
})

test('two claims at once for one uid: one gets it', async () => {
  const { stateDir } = setUp()
  const claims = ['a', 'b', 'c'].map((name) =>
    new UserAllocator({ stateDir, ...range }).claim(user(name, 1_900_001_000)).then(
      () => 'kept',
      () => 'refused',
    ),
  )
  expect((await Promise.all(claims)).sort()).toEqual(['kept', 'refused', 'refused'])
})

test('accounts of the host may share a group, as they do there', async () => {
  const { users } = setUp()
  await users.claim(user('alice', 1_900_001_000, { gid: 1_900_000_100 }))
  await users.claim(user('bob', 1_900_001_001, { gid: 1_900_000_100 }))
})

test('a file that outlived its state folder brings its uids along', async () => {
  const { users } = setUp()
  await users.claim(user('id-1', 300_000, { key: { source: 'file', account: 'id-1' }, name: 'alice' }))
  expect(await users.resolve({ name: 'bob', home: null, uid: null, gid: null })).toMatchObject({ uid: 300_001 })
})

describe('is refused:', () => {
  test.each<[string, DirectoryUser, RegExp]>([
    ['uid 0', user('a', 0), /from 1 to 2147483647/],
    ['a negative uid', user('a', -5), /from 1 to/],
    ['a uid of 2^31', user('a', 2 ** 31), /uidOffset/],
    ['a fraction', user('a', 1.5), /from 1 to/],
    ['NaN', user('a', NaN), /from 1 to/],
    ['gid 0', user('a', 1_900_000_001, { gid: 0 }), /from 1 to/],
    ['a uid of the host', user('a', 65_534), /account or a group of this host/],
    ['a gid of the host', user('a', 1_900_000_001, { gid: 65_534 }), /account or a group of this host/],
    ["another account's", user('mallory', 1_900_001_000), /belongs to the user alice/],
    ["another source's", user('alice', 1_900_001_000, { key: { source: 'ldap', account: 'alice' } }), /belongs to/],
    ["a name's", user('a', 300_000), /belongs to the user named/],
    ['a free one of the range', user('a', 300_777), /given out by/],
    ['an anonymous one', user('a', 309_500), /given out by/],
    ['an anonymous one of a file', user('a', 309_500, { key: { source: 'file', account: 'x' } }), /given out by/],
    ['a gid of the range', user('a', 1_900_000_001, { gid: 300_000 }), /gid 300000/],
  ])('%s', async (_what, wanted, reason) => {
    const { users, stateDir } = setUp()
    await users.claim(user('alice', 1_900_001_000))
    await users.resolve({ name: 'named', home: null, uid: null, gid: null })
    const before = readFileSync(join(stateDir, 'users.json'), 'utf8')
    const error: unknown = await users.claim(wanted).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(UserError)
    expect((error as Error).message).toMatch(reason)
    expect(readFileSync(join(stateDir, 'users.json'), 'utf8')).toBe(before)
  })
})
