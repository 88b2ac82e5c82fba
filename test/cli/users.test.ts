import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { FileAuthenticator, FileDirectory } from '../../src/index.js'
import { cliPath, finishCli, runCli } from '../helpers/cli.js'

const folders: string[] = []
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })))

/** A state folder and a file of users, which is not there yet. */
function setUp() {
  const stateDir = mkdtempSync(join(tmpdir(), 'cli-users-'))
  folders.push(stateDir)
  const file = join(stateDir, 'my-users.json')
  const users = (command: string, args: readonly string[] = [], input?: string) =>
    runCli(['users', command, '--state-dir', stateDir, '--file', file, ...args], input === undefined ? {} : { input })
  const directory = new FileDirectory({ path: file, users: { stateDir } })
  const isPassword = (username: string, password: string) =>
    new FileAuthenticator(directory).authenticate({ username, password, signal: new AbortController().signal })
  return { stateDir, file, users, directory, isPassword }
}

describe('the life of a user', () => {
  const { users, file, isPassword, stateDir } = setUp()

  test('nobody is in a file that is not there', async () => {
    expect(await users('list')).toMatchObject({ code: 0, stdout: 'USER  UID  PASSWORD  HOME  CREATED\n' })
    expect(await users('list', ['--json'])).toMatchObject({ code: 0, stdout: '[]\n' })
    expect(existsSync(file)).toBe(false)
  })

  test('add makes the file, for its owner alone', async () => {
    expect(await users('add', ['alice', '--home', stateDir])).toEqual({
      code: 0,
      signal: null,
      stdout: 'added alice with uid 200000; without a password nobody logs in as alice\n',
      stderr: '',
    })
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const added = JSON.parse((await users('add', ['bob', '--json'])).stdout) as object
    expect(added).toMatchObject({ name: 'bob', uid: 200_001, gid: 200_001, home: null, hasPassword: false })
  })

  test('passwd reads stdin; the password is right afterwards, and stands nowhere', async () => {
    const { code, stdout, stderr } = await users('passwd', ['alice'], 'correct horse\n')
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'changed the password of alice\n', stderr: '' })
    expect(await isPassword('alice', 'correct horse')).toBe(true)
    expect(await isPassword('alice', 'correct horse\n')).toBe(false)
    expect(await isPassword('bob', 'correct horse')).toBe(false)
    expect(readFileSync(file, 'utf8')).not.toContain('correct')
    expect(await users('passwd', ['alice', '--json'], 'other')).toMatchObject({ code: 0, stderr: '' })
    expect(await isPassword('alice', 'other')).toBe(true)
    expect(await isPassword('alice', 'correct horse')).toBe(false)
  })

  test('list shows who there is, without hashes', async () => {
    const { stdout } = await users('list')
    expect(stdout).toMatch(
      /^USER +UID +PASSWORD +HOME +CREATED\nalice +200000 +yes +\/\S+ +\d{4}-\d\d-\d\d\nbob +200001 +no +- /,
    )
    const rows = JSON.parse((await users('list', ['--json'])).stdout) as object[]
    expect(rows.map((row) => Object.keys(row))).toEqual(
      Array(2).fill(['name', 'uid', 'gid', 'home', 'hasPassword', 'createdAt', 'id']),
    )
  })

  test('remove takes a user out, and the uid is not given again', async () => {
    expect(await users('remove', ['alice'])).toMatchObject({ code: 0, stdout: 'removed alice\n' })
    expect(await users('add', ['alice'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('uid 200002;') as string,
    })
    expect(await users('remove', ['alice', 'bob', '--json'])).toMatchObject({ code: 0 })
    expect((await users('list', ['--json'])).stdout).toBe('[]\n')
  })
})

test('without --file the users stand in the state folder', async () => {
  const { stateDir } = setUp()
  expect(await runCli(['users', 'add', 'alice', '--state-dir', stateDir])).toMatchObject({ code: 0 })
  expect(await new FileDirectory({ users: { stateDir } }).lookup('alice')).toMatchObject({ name: 'alice' })
})

describe('what is wrong changes nothing', () => {
  const { users, file, directory, isPassword } = setUp()

  test.each([
    ['a name that is taken', 'add', ['alice'], '', /There is a user alice/],
    ['root', 'add', ['root'], '', /name: got "root"/],
    ['a path', 'add', ['../x'], '', /name: got /],
    ['an empty name', 'add', [''], '', /name: got /],
    ['a name with a newline', 'add', ['a\nb'], '', /name: got /],
    ['nobody to remove', 'remove', ['carol'], '', /There is no user "carol"/],
    ['nobody to give a password', 'passwd', ['carol'], 'x', /There is no user "carol"/],
    ['no password', 'passwd', ['alice'], '', /password: got something that is not shown/],
    ['an empty line', 'passwd', ['alice'], '\n', /password: got something that is not shown/],
    ['two lines', 'passwd', ['alice'], 'new secret\nnew secret\n', /more than one line/],
    ['a NUL', 'passwd', ['alice'], 'new secret\0', /not shown/],
    ['more than a password can have', 'passwd', ['alice'], 'new secret'.repeat(200), /not shown/],
    ['1 MiB', 'passwd', ['alice'], 'new secret'.repeat(2 ** 17), /more than 65536 bytes/],
    ['an unknown flag', 'passwd', ['alice', '--password', 'new secret'], '', /unknown option/],
    ['a second argument', 'passwd', ['alice', 'new secret'], '', /too many arguments/],
  ])('%s', async (_what, command, args, input, reason) => {
    if ((await directory.lookup('alice')) === null) await directory.add({ name: 'alice', password: 'old' })
    const before = readFileSync(file)
    const { code, stdout, stderr } = await users(command, args, input)
    expect({ code, stdout }).toEqual({ code: 125, stdout: '' })
    expect(stderr).toMatch(reason)
    expect(stderr).not.toContain('new secret')
    expect(stderr).not.toContain('    at ')
    expect(readFileSync(file)).toEqual(before)
  })

  test('a file that others can read', async () => {
    const other = setUp()
    await other.directory.add({ name: 'alice', password: 'old' })
    chmodSync(other.file, 0o644)
    const { code, stdout } = await other.users('list', ['--json'])
    expect(code).toBe(125)
    const { error } = JSON.parse(stdout) as { error: { code: string; message: string } }
    expect(error).toMatchObject({ code: 'ERR_USER', message: expect.stringContaining('chmod 600') as string })
  })

  test('the old password is right to the end', async () => {
    expect(await isPassword('alice', 'old')).toBe(true)
  })
})

describe('on a terminal', () => {
  /** script(1) of util-linux gives the command a terminal of its own, and shows what the terminal shows. */
  async function type(answers: readonly string[]) {
    const { directory, isPassword, file, stateDir } = setUp()
    await directory.add({ name: 'alice', password: 'old' })
    const command = `'${process.execPath}' '${cliPath}' users passwd alice --file '${file}' --state-dir '${stateDir}'`
    const child = spawn('script', ['-qec', `${command}; stty -a`, '/dev/null'])
    const left = [...answers]
    let shown = ''
    // It may have ended by the time it is answered.
    child.stdin.on('error', () => undefined)
    child.stdout.on('data', (chunk: Buffer) => {
      const before = shown
      shown += chunk.toString()
      const count = (text: string) => text.match(/password: |Again: /g)?.length ?? 0
      if (count(shown) > count(before)) child.stdin.write(left.shift() ?? '')
    })
    await finishCli(child)
    // What is typed afterwards is seen again.
    expect(shown).toMatch(/ echo /)
    return { shown, isPassword: (password: string) => isPassword('alice', password) }
  }

  test('it is asked for twice, and not shown', async () => {
    const { shown, isPassword } = await type(['sécret 1\r', 'sécret 1\r'])
    expect(shown).toMatch(/^New password: \r\nAgain: \r\nchanged the password of alice\r\n/)
    expect(await isPassword('sécret 1')).toBe(true)
  })

  test('the last character and the line can be taken back', async () => {
    const { isPassword } = await type(['wrong\u0015secret 12\u007f\r', 'secret 1\r'])
    expect(await isPassword('secret 1')).toBe(true)
  })

  test('two answers that come in one piece are two answers', async () => {
    const { isPassword } = await type(['secret 1\rsecret 1\r'])
    expect(await isPassword('secret 1')).toBe(true)
  })

  test('two answers that differ change nothing', async () => {
    const { shown, isPassword } = await type(['secret 1\r', 'secret 2\r'])
    expect(shown).toContain('The two passwords differ')
    expect(shown).not.toContain('secret')
    expect(await isPassword('old')).toBe(true)
  })

  test('Ctrl-C ends it and changes nothing', async () => {
    const { shown, isPassword } = await type(['secret 1\u0003'])
    expect(shown).not.toContain('changed')
    expect(await isPassword('old')).toBe(true)
  })
})
