/** Real accounts in a private /etc, jailed by the built package as old code uses it. Needs root, as checking a password does. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { fixture, methodsfile } from './jails.js'

const PASSWORD = 'correct horse'
const [uid, mappedUid] = [4711, 1_900_004_711]
const script = fileURLToPath(new URL('../../fixtures/users/private-etc.sh', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'unix-jail-'))
const [home, stateDir] = [join(folder, 'home'), join(folder, 'state')]

/** What the callbacks of one jail were given. */
interface Told {
  readonly success: { readonly args: { readonly user: object } } | null
  readonly failure: object | null
  readonly messages: readonly object[]
  readonly errors: readonly string[]
}

/** Who logs in with what; each calls the actions before the login is over, and after it. */
const LOGINS = {
  right: ['alice', PASSWORD],
  wrong: ['alice', 'wrong'],
  unknown: ['nobody-here', PASSWORD],
  root: ['root', PASSWORD],
  toor: ['toor', PASSWORD],
} as const
const actions = [
  { action: 'who' },
  { action: 'file read', filepath: '/' },
  { action: 'file read', filepath: 'hello.txt' },
]
let told: Record<keyof typeof LOGINS, Told>

beforeAll(async () => {
  chmodSync(folder, 0o755)
  mkdirSync(home)
  mkdirSync(stateDir, { mode: 0o700 })
  writeFileSync(join(home, 'hello.txt'), 'from home', { mode: 0o600 })
  for (const path of [home, join(home, 'hello.txt')]) chownSync(path, uid, uid)
  const server = [process.execPath, fixture('server.mjs'), stateDir, methodsfile]
  const child = spawn('unshare', ['--mount', 'sh', script, folder, ...server], { stdio: ['pipe', 'pipe', 'inherit'] })
  const requests = Object.values(LOGINS).map(([username, password]) => ({ username, password, actions }))
  child.stdin.end(JSON.stringify(requests))
  const [results] = (await Promise.all([json(child.stdout), once(child, 'close')])) as [Told[], unknown]
  told = Object.fromEntries(Object.keys(LOGINS).map((name, index) => [name, results[index]])) as typeof told
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('J-T1: the right password gives the row of the host, with / as the home', () => {
  expect(told.right.success).toEqual({
    success: true,
    args: {
      user: {
        username: 'alice',
        password: 'x',
        userId: String(uid),
        groupId: String(uid),
        name: '',
        homedir: '/',
        shell: expect.stringMatching(/^\/.*sh$/) as string,
      },
    },
  })
  expect(told.right.failure).toBeNull()
})

test("J-T7, J-T8, J-T9: methods run with the account's mapped ids, in its home", () => {
  const who = { uid: mappedUid, gid: mappedUid, groups: [mappedUid], cwd: '/' }
  expect(told.right.messages).toHaveLength(actions.length)
  expect(told.right.messages).toEqual(
    expect.arrayContaining([
      { action: 'who', data: expect.objectContaining(who) as object },
      {
        action: 'render',
        partial: 'files',
        data: { filepath: '/', files: expect.arrayContaining(['hello.txt']) as string[] },
      },
      { action: 'file read', data: { content: 'from home', filepath: 'hello.txt' } },
    ]),
  )
})

test('J-D1: what was called before the login was refused, and told', () => {
  expect(told.right.errors).toEqual(actions.map(() => 'ERR_INVALID_STATE'))
})

test.each(['wrong', 'unknown', 'root', 'toor'] as const)(
  'J-T2, J-T13, J-D1: %s fails in the old words, and no action runs before or after',
  (name) => {
    expect(told[name]).toEqual({
      success: null,
      failure: { success: false, error: 'Wrong credentials' },
      messages: [],
      errors: [...actions, ...actions].map(() => 'ERR_INVALID_STATE'),
    })
  },
)
