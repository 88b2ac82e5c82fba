/** Real accounts in a private /etc, checked by the system's own helper. Needs root, as checking a password does. */
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { useLineServer, type LineServer } from '../../helpers/line-server.js'

const PASSWORD = 'correct horse'
const script = fileURLToPath(new URL('../../fixtures/users/private-etc.sh', import.meta.url))
const start = useLineServer('login-server')
const folders: string[] = []

/** What a server is started with: its options, and a program that starts it. */
interface ServerSettings {
  readonly minAnswerMs?: number
  readonly timeoutMs?: number
  readonly before?: readonly string[]
}

/** A server that sees the test accounts. */
function startPrivate(settings: ServerSettings = {}): LineServer & { readonly folder: string } {
  const { minAnswerMs = 0, timeoutMs = 10_000, before = [] } = settings
  const folder = mkdtempSync(join(tmpdir(), 'unix-login-'))
  folders.push(folder)
  // Another uid than root's must get to the program.
  chmodSync(folder, 0o755)
  mkdirSync(join(folder, 'home'))
  mkdirSync(join(folder, 'state'), { mode: 0o700 })
  chownSync(join(folder, 'home'), 4711, 4711)
  const prefix = ['unshare', '--mount', 'sh', script, folder, ...before]
  return Object.assign(start([join(folder, 'state'), String(minAnswerMs), String(timeoutMs)], { prefix }), { folder })
}

let server: LineServer & { readonly folder: string }
beforeAll(() => {
  server = startPrivate()
})
afterAll(async () => {
  await server.kill()
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

const login = (name: string, password: string) => server.ask({ op: 'login', name, password })

test('the host does not have the test accounts', async () => {
  expect((await server.ask({ op: 'lookup', name: 'alice' })).value).toMatchObject({ hostUid: 4711, uid: 1_900_004_711 })
  expect(readFileSync('/etc/passwd', 'utf8')).not.toContain(':4711:')
})

describe('the right password', () => {
  test('gives the mapped uid and the home, and nothing of the password', async () => {
    const { value } = await login('alice', PASSWORD)
    const home = join(server.folder, 'home')
    expect(value).toMatchObject({ options: { user: { name: 'alice', uid: 1_900_004_711, gid: 1_900_004_711, home } } })
    expect(JSON.stringify(value)).not.toContain(PASSWORD)
  })

  test('was checked against a yescrypt hash', () => {
    expect(readFileSync(join(server.folder, 'etc', 'shadow'), 'utf8')).toMatch(/^alice:\$y\$/m)
  })

  test.each([
    ['a second account with the same uid', 'twin', 'UserError', /belongs to the user alice/],
    ['an account whose home is /', 'rooted', 'HomeError', /belongs to uid 0, not to 4716/],
    ['a mapped uid that is delegated to somebody', 'delegated', 'UserError', /\/etc\/subuid gives it to "someone"/],
  ])('is of no use for %s', async (_what, name, error, reason) => {
    await login('alice', PASSWORD)
    expect((await login(name, PASSWORD)).error).toMatchObject({
      name: error,
      message: expect.stringMatching(reason) as string,
    })
  })
})

test.each([
  ['a wrong password', 'alice', 'wrong'],
  ['an unknown user', 'nobody-here', PASSWORD],
  ['a user by number', '4711', PASSWORD],
  ['another spelling', 'Alice', PASSWORD],
  ['root', 'root', PASSWORD],
  ['another name of root with its right password', 'toor', PASSWORD],
  ['a locked account', 'locked', '!'],
  ['an expired account with its right password', 'expired', PASSWORD],
  ['an account that must change its right password', 'stale', PASSWORD],
  ['an account without a password', 'blank', ''],
  ['an account without a password, and any', 'blank', 'x'],
  ['an empty password', 'alice', ''],
  ['a NUL behind the right password', 'alice', `${PASSWORD}\0`],
  ['a NUL and more', 'alice', `${PASSWORD}\0${PASSWORD}`],
  ['a password of 1 MiB', 'alice', 'x'.repeat(2 ** 20)],
  ['half a surrogate pair', 'alice', `${PASSWORD}\ud800`],
  ['an empty name', '', PASSWORD],
  ['..', '..', PASSWORD],
  ['a name with a colon', 'alice:x', PASSWORD],
  ['a name with a newline', 'alice\n', PASSWORD],
  ['a name with a NUL', 'alice\0', PASSWORD],
  ['an option', '--help', PASSWORD],
  ['a name of 1 MiB', 'a'.repeat(2 ** 20), PASSWORD],
])('%s fails in the same words', async (_what, name, password) => {
  const { error } = await login(name, password)
  expect(error).toMatchObject({ name: 'LoginFailedError', message: 'Login failed.', retryAfterMs: 0 })
  const shown = error?.shown ?? ''
  if (password.length > 3) expect(shown).not.toContain(password.slice(0, 100))
  if (name.length > 5) expect(shown).not.toContain(name.slice(0, 100))
})

test('a file user and a unix user of one name do not know each other', async () => {
  await server.ask({ op: 'add', name: 'alice', password: 'battery' })
  const ofFile = (password: string) => server.ask({ op: 'login of a file', name: 'alice', password })
  expect((await ofFile(PASSWORD)).error).toMatchObject({ name: 'LoginFailedError' })
  expect((await login('alice', 'battery')).error).toMatchObject({ name: 'LoginFailedError' })
  expect((await ofFile('battery')).value).toMatchObject({ options: { user: { name: 'alice', uid: 300_000 } } })
})

test('without root nobody is checked, whoever it is', async () => {
  const lone = startPrivate({ before: ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] })
  chmodSync(join(lone.folder, 'state'), 0o700)
  for (const name of ['alice', 'nobody-here', 'root']) {
    const { error } = await lone.ask({ op: 'authenticate', name, password: PASSWORD })
    expect(error?.name).toBe('LoginUnavailableError')
    expect(error?.message).toMatch(/checked by root alone; this process has uid 65534/)
    expect(error?.shown).not.toContain(PASSWORD)
  }
  await lone.kill()
})

test.each([
  ['is silent', 'sleep 20', 1_000, /did not answer within 1000 ms/],
  ['never ends its answer', 'exec yes', 10_000, /answer is longer than/],
  ['fails', 'exit 3', 10_000, /ended with code 3/],
])('an account database that %s is an error, not an unknown user', async (_what, command, timeoutMs, reason) => {
  const getent = `printf '#!/bin/sh\\n${command}\\n' >/etc/getent; chmod 755 /etc/getent; mount --bind /etc/getent /usr/bin/getent`
  const broken = startPrivate({ timeoutMs, before: ['sh', '-c', `${getent}; exec "$@"`, 'sh'] })
  const { error, ms } = await broken.ask({ op: 'login', name: 'alice', password: PASSWORD })
  expect(error).toMatchObject({ name: 'LoginUnavailableError' })
  expect(error?.message).toMatch(reason)
  expect(ms).toBeLessThan(15_000)
  await broken.kill()
})

test('a missing helper is an error that says what to install', async () => {
  const bare = startPrivate({ before: ['sh', '-c', 'mount -t tmpfs none /usr/sbin; exec "$@"', 'sh'] })
  const { error } = await bare.ask({ op: 'login', name: 'alice', password: PASSWORD })
  expect(error).toMatchObject({ name: 'LoginUnavailableError' })
  expect(error?.message).toMatch(/Install it \(Debian: libpam-modules-bin/)
  await bare.kill()
})

test('the password is in no argument and no environment of any process', async () => {
  const log = join(server.folder, 'strace.log')
  const traced = startPrivate({
    before: ['strace', '-f', '-v', '-s', '400', '-e', 'trace=execve', '-o', log],
  })
  expect((await traced.ask({ op: 'login', name: 'alice', password: PASSWORD })).value).not.toBeNull()
  expect(readFileSync(log, 'utf8')).toMatch(/unix_chkpwd", \["[^"]*unix_chkpwd", "alice", "nonull"\], \["PATH=/)
  expect(readFileSync(log, 'utf8')).not.toContain(PASSWORD)
  // What is in an argument would be seen.
  await traced.ask({ op: 'argument', password: PASSWORD })
  expect(readFileSync(log, 'utf8')).toContain(PASSWORD)
  await traced.kill()
})

describe('the time of an answer', () => {
  /**
   * How much longer a wrong password takes than an unknown user: the median of what neighbouring attempts differ by, so that
   * what else the machine does falls on both alike, and a floor that is raised in between on one pair alone.
   */
  async function measureDifference(timed: LineServer, op: string): Promise<number> {
    const msOf = async (name: string, password: string) => (await timed.ask({ op, name, password })).ms
    const differences: number[] = []
    for (let round = 0; round < 15; round++) {
      const unknownMs = await msOf('nobody-here', PASSWORD)
      differences.push((await msOf('alice', 'wrong')) - unknownMs)
      await msOf('alice', PASSWORD)
    }
    return differences.sort((a, b) => a - b)[7] ?? NaN
  }

  test.each(['login', 'login of a file'])(
    'does not tell an unknown user from a wrong password: %s',
    async (op) => {
      let least = Infinity
      // A machine that stands still tells them apart once, a leak each time.
      for (let turn = 0; turn < 3 && least >= 5; turn++) {
        const timed = startPrivate({ minAnswerMs: 150 })
        await timed.ask({ op: 'add', name: 'alice', password: PASSWORD })
        least = Math.min(least, Math.abs(await measureDifference(timed, op)))
        await timed.kill()
      }
      expect(least).toBeLessThan(5)
    },
    4 * 60_000,
  )

  test('would tell without the floor', async () => {
    expect(await measureDifference(server, 'login')).toBeGreaterThan(10)
  })
})
