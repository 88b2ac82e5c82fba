import { describe, expect, test } from 'vitest'
import { InvalidOptionsError } from '../../../src/errors.js'
import { resolveLogin, type Authenticator, type DirectoryUser, type UserDirectory } from '../../../src/users/index.js'
import { LoginGuard } from '../../../src/users/index.js'
import type { LoginOptions } from '../../../src/options/index.js'
import { useFolder } from './fixture.js'

const folder = useFolder()
const SECRET = 'hunter2'

/** A directory and an authenticator that count what they are asked. */
function setUp() {
  const asked: string[] = []
  const key = { source: 'test', account: 'alice' }
  const alice: DirectoryUser = { key, name: 'alice', uid: 700_000, gid: 700_000, home: null, homeOwner: null }
  const directory: UserDirectory = {
    id: 'test',
    lookup: (name) => (asked.push('lookup'), Promise.resolve(name === 'alice' ? alice : null)),
    list: () => Promise.resolve([alice]),
  }
  const authenticator: Authenticator = {
    authenticate: ({ password }) => (asked.push('authenticate'), Promise.resolve(password === SECRET)),
  }
  const guard = new LoginGuard({ minAnswerMs: 0 })
  const login = { username: 'alice', password: SECRET, directory, authenticator, guard, users: { stateDir: folder() } }
  return { asked, login }
}

async function errorOf(options: unknown): Promise<Error & { details?: unknown }> {
  return resolveLogin(options as LoginOptions).then(
    () => expect.unreachable('it resolved'),
    (error: unknown) => error as Error,
  )
}

test('the right password gives the options of the sandbox, without the password', async () => {
  const { login } = setUp()
  const result = await resolveLogin({ ...login, env: { A: 'b' } })
  expect(result.options).toEqual({
    users: login.users,
    env: { A: 'b' },
    user: { name: 'alice', home: null, uid: 700_000, gid: 700_000 },
  })
  expect(JSON.stringify(result)).not.toContain(SECRET)
})

test('an unknown user is looked up and checked like any other', async () => {
  const { asked, login } = setUp()
  expect((await errorOf({ ...login, username: 'bob' })).message).toBe('Login failed.')
  expect((await errorOf({ ...login, password: 'wrong' })).message).toBe('Login failed.')
  expect(asked).toEqual(['lookup', 'authenticate', 'lookup', 'authenticate'])
})

describe('wrong options fail before anything is looked at, and repeat no secret:', () => {
  test.each<[string, object, RegExp]>([
    ['no password', { password: undefined }, /password: got nothing/],
    ['a password in a box', { password: { [SECRET]: SECRET } }, /password: got something that is not shown/],
    ['a password that is a Buffer', { password: Buffer.from(SECRET) }, /not shown/],
    ['a name that is none', { username: [SECRET] }, /username: got something that is not shown/],
    ['an empty origin', { origin: '' }, /origin/],
    ['a directory that is none', { directory: {} }, /a UserDirectory/],
    ['a directory without an authenticator', { authenticator: null }, /authenticator/],
    ['an unknown option', { pasword: SECRET }, /pasword: unknown option/],
    ['a wrong option of the sandbox', { limits: { memoryBytes: -1 } }, /limits.memoryBytes/],
    ['a user', { user: 'root' }, /the directory decides/i],
  ])('%s', async (_what, changes, reason) => {
    const { asked, login } = setUp()
    const error = await errorOf({ ...login, ...changes })
    expect(error).toBeInstanceOf(InvalidOptionsError)
    expect(error.message).toMatch(reason)
    expect(error.message + JSON.stringify(error.details)).not.toContain(SECRET)
    expect(asked).toEqual([])
  })

  test.each([[SECRET], [[SECRET]], [null], [undefined], [5]])('%j instead of options', async (raw) => {
    const error = await errorOf(raw)
    expect(error).toBeInstanceOf(InvalidOptionsError)
    expect(error.message).not.toContain(SECRET)
  })
})
