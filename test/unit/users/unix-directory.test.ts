import { describe, expect, test } from 'vitest'
import { InvalidOptionsError } from '../../../src/errors.js'
import { UnixDirectory } from '../../../src/users/index.js'
import { runHelper } from '../../../src/users/helper-process.js'
import { findSubordinateOwner, parseSubordinateRanges } from '../../../src/users/subordinate-ids.js'
import { isAccountName, parsePasswd } from '../../../src/users/unix-directory.js'

const limits = { timeoutMs: 5000, maxOutputBytes: 1000 }

describe('accounts of this host', () => {
  test('have the offset on their uid and gid', async () => {
    const nobody = await new UnixDirectory().lookup('nobody')
    expect(nobody).toMatchObject({
      key: { source: 'unix', account: 'nobody' },
      name: 'nobody',
      uid: 1_900_065_534,
      gid: 1_900_000_000 + (nobody?.hostGid ?? 0),
      hostUid: 65_534,
      homeOwner: 65_534,
    })
    expect(await new UnixDirectory({ uidOffset: 3_000_000 }).lookup('nobody')).toMatchObject({ uid: 3_065_534 })
  })

  test('are listed, without root', async () => {
    const users = await new UnixDirectory().list()
    expect(users.map(({ name }) => name)).toContain('nobody')
    expect(users.filter(({ hostUid }) => hostUid === 0)).toEqual([])
  })

  test.each([
    'root',
    '',
    '..',
    '.',
    'a:b',
    'nobody\n',
    'nobody\0',
    '65534',
    '-s',
    '--help',
    '--',
    'Nobody',
    'no body',
    '*',
  ])('%j is nobody', async (name) => {
    expect(await new UnixDirectory().lookup(name)).toBeNull()
  })

  test('a wait that is canceled ends', async () => {
    await expect(new UnixDirectory().lookup('nobody', AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone')
  })

  test.each([0, -1, 99_999, 2 ** 31, 1.5, '1'])('an offset of %j is refused', (uidOffset) => {
    expect(() => new UnixDirectory({ uidOffset: uidOffset as number })).toThrow(InvalidOptionsError)
  })
})

describe('names of accounts', () => {
  test.each(['alice', '_x', 'john.doe', 'EXAMPLE\\john', 'john@example.org', 'a'.repeat(256)])('%j is one', (name) => {
    expect(isAccountName(name)).toBe(true)
  })
  test.each(['', '.', '..', '../x', 'a/b', 'a:b', 'a\nb', 'a\n', '1000', '-a', 'é', 'a b', 'a'.repeat(257)])(
    '%j is none',
    (name) => {
      expect(isAccountName(name)).toBe(false)
    },
  )
})

describe('lines of passwd', () => {
  test('that are whole are read', () => {
    expect(parsePasswd('alice:x:1000:100:Alice,,,:/home/alice:/bin/sh\n')).toEqual([
      { account: 'alice', hostUid: 1000, hostGid: 100, fullName: 'Alice,,,', home: '/home/alice', shell: '/bin/sh' },
    ])
  })
  test.each([
    'alice:x:1000:100:Alice:/home/alice',
    'alice:x:1000:100:Alice:/home/alice:/bin/sh:more',
    ':x:1000:100::/home/x:/bin/sh',
    'alice:x::100::/home/x:/bin/sh',
    'alice:x:-1:100::/home/x:/bin/sh',
    'alice:x:0x10:100::/home/x:/bin/sh',
    'alice:x:1e3:100::/home/x:/bin/sh',
    'alice:x:4294967295:100::/home/x:/bin/sh',
    'alice:x:99999999999:100::/home/x:/bin/sh',
    'alice:x:1000:100::home:/bin/sh',
    'alice:x:1000:100::/home/\0:/bin/sh',
    '+::::::',
    'no line',
  ])('%j is left out', (line) => {
    expect(parsePasswd(`${line}\n`)).toEqual([])
  })
})

describe('subordinate ids', () => {
  test('are found in the file, and none without it', async () => {
    expect(parseSubordinateRanges('a:100000:65536\n# x\n\nb:x:1\n 1000:5:1 \n')).toEqual([
      { owner: 'a', first: 100_000, count: 65_536 },
      { owner: '1000', first: 5, count: 1 },
    ])
    expect(await findSubordinateOwner('uid', 100_000, '/nowhere')).toBeNull()
  })
})

describe('a helper', () => {
  test('gets its arguments as they are, its input, and nothing of the environment', async () => {
    process.env['SECRET_OF_THE_HOST'] = 'hunter2'
    const input = Buffer.from('from stdin')
    const { stdout, code } = await runHelper({
      ...limits,
      file: 'sh',
      args: ['-c', 'printf "%s|" "$@"; cat; env', 'sh', '$(id)', 'a b'],
      input,
    })
    delete process.env['SECRET_OF_THE_HOST']
    expect(code).toBe(0)
    expect(stdout).toMatch(/^\$\(id\)\|a b\|from stdin/)
    expect(stdout).not.toContain('hunter2')
    expect(input.every((byte) => byte === 0)).toBe(true)
  })

  test.each([
    ['missing', { file: '/nowhere/helper', args: [] }],
    ['missing', { file: '/etc/passwd', args: [] }],
    ['timeout', { file: 'sleep', args: ['60'], timeoutMs: 50 }],
    ['output', { file: 'yes', args: [] }],
    ['canceled', { file: 'sleep', args: ['60'], signal: AbortSignal.timeout(50) }],
    ['canceled', { file: 'sleep', args: ['60'], signal: AbortSignal.abort() }],
  ])('tells that it was %s', async (failure, call) => {
    expect(await runHelper({ ...limits, ...call })).toMatchObject({ failure })
  })

  test('that does not read its input ends as it does', async () => {
    const input = Buffer.alloc(1024 * 1024, 'x')
    expect(await runHelper({ ...limits, file: 'false', args: [], input })).toMatchObject({ code: 1, failure: null })
  })
})
