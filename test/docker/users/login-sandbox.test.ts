import { chmodSync, chownSync, lstatSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { HomeError, LoginFailedError } from '../../../src/errors.js'
import { FileDirectory, LoginGuard, resolveLogin, UnixDirectory } from '../../../src/users/index.js'
import { engine, rejection, withSandbox } from '../../helpers/sandboxes.js'

const PASSWORD = 'correct horse battery staple'
const folders: string[] = []
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })))

function setUp() {
  const folder = mkdtempSync(join(tmpdir(), 'login-sandbox-'))
  folders.push(folder)
  const [stateDir, home, shared] = ['state', 'home', 'shared'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  for (const path of [stateDir, home, shared]) mkdirSync(path, { mode: 0o700 })
  chmodSync(folder, 0o755)
  chmodSync(shared, 0o777)
  writeFileSync(join(home, 'hello.txt'), 'from home', { mode: 0o600 })
  return { users: { stateDir }, home, shared, guard: new LoginGuard({ minAnswerMs: 0 }) }
}

test('a file user runs under the own uid, in the own home, and leaves files of that uid', async () => {
  const { users, home, shared, guard } = setUp()
  const directory = new FileDirectory({ users, scryptLogN: 14 })
  const alice = await directory.add({ name: 'alice', home, password: PASSWORD })
  const mounts = [{ source: shared, target: '/shared', writable: true }]
  const common = { username: 'alice', directory, users, guard, mounts }
  expect(await rejection(resolveLogin({ ...common, password: 'wrong' }))).toBeInstanceOf(LoginFailedError)
  const { options } = await resolveLogin({ ...common, password: PASSWORD })
  await withSandbox(options, async (sandbox) => {
    expect(sandbox.user).toEqual({ name: 'alice', uid: alice.uid, gid: alice.uid })
    const { stdout } = await sandbox.shell('id -u; id -g; cat /hello.txt; touch /shared/mine; env')
    expect(stdout).toMatch(new RegExp(`^${alice.uid}\\n${alice.uid}\\nfrom home`))
    const container = await engine.getContainer(sandbox.containerId ?? '').inspect()
    expect(stdout + JSON.stringify(container)).not.toContain(PASSWORD)
  })
  expect(lstatSync(join(shared, 'mine'))).toMatchObject({ uid: alice.uid, gid: alice.uid })
})

test('a unix user runs under the offset and the own uid, in the own home', async () => {
  const { users, home, shared, guard } = setUp()
  const unix = new UnixDirectory()
  const nobody = await unix.lookup('nobody')
  if (nobody === null) throw new Error('this host has no account nobody')
  // The account of this host, with a home that the test may fill.
  const directory = { id: 'unix', lookup: () => Promise.resolve({ ...nobody, home }), list: () => unix.list() }
  const authenticator = { authenticate: ({ password }: { password: string }) => Promise.resolve(password === PASSWORD) }
  const mounts = [{ source: shared, target: '/shared', writable: true }]
  const login = { username: 'nobody', password: PASSWORD, directory, authenticator, users, guard, mounts }
  expect(await rejection(resolveLogin(login))).toBeInstanceOf(HomeError)
  chownSync(home, 65_534, 65_534)
  const { options } = await resolveLogin(login)
  await withSandbox(options, async (sandbox) => {
    const { stdout } = await sandbox.shell('id -u; stat -c %u /hello.txt; cat /hello.txt; touch /shared/mine')
    expect(stdout).toBe('1900065534\n1900065534\nfrom home')
  })
  expect(lstatSync(join(shared, 'mine')).uid).toBe(1_900_065_534)
})
