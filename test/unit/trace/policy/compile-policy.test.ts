import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parseSandboxOptions, type TraceObjectOptions } from '../../../../src/options/index.js'
import type { TraceAccess } from '../../../../src/trace/event.js'
import type { PolicyContext } from '../../../../src/trace/policy.js'
import { compilePolicy } from '../../../../src/trace/policy/index.js'

const SELF = 1000

const context: PolicyContext = {
  home: [
    '/main.c',
    '/m.c',
    '/m.cpp',
    '/main.py',
    '/util.py',
    '/main.js',
    '/all.sh',
    '/src',
    '/odd*[name]',
    '/etc/motd',
  ],
  scratch: ['/tmp', '/work'],
  mounts: [
    { target: '/data', writable: true },
    { target: '/books', writable: false },
  ],
}

/** A question to a policy: whether a process may do something. */
function judge(trace: TraceObjectOptions, given: PolicyContext = context) {
  const policy = parseSandboxOptions({ trace: { onViolation: 'report', ...trace } }).trace?.policy
  if (policy == null) throw new Error('the policy judges nothing')
  const compiled = compilePolicy(policy, given)
  return (access: TraceAccess, path: string, processId = SELF) => compiled.allows({ access, path, processId })
}

describe('the default lists', () => {
  const allows = judge({})

  test('everything that ordinary programs did is clean', () => {
    // C, C++, Python, node, Java, Perl, shells, git, gcc, make and tar, traced with strace in a sandbox and on a host.
    const accesses = new URL('../../../fixtures/trace/ordinary-accesses.tsv', import.meta.url)
    const lines = readFileSync(accesses, 'utf8').trim().split('\n')
    expect(lines.length).toBeGreaterThan(200)
    const violations = lines.filter((line) => {
      const [access, path] = line.split('\t')
      return !allows(access as TraceAccess, path ?? '')
    })
    expect(violations).toEqual([])
  })

  test.each<[access: TraceAccess, path: string]>([
    ['read', '/src/a/b.c'],
    ['read', '/odd*[name]/x'],
    ['read', '/data/x'],
    ['read', '/books/x'],
    ['read', '/'],
    ['read', '/usr/local'],
    ['write', '/tmp/x'],
    ['write', '/work'],
    ['write', '/data/x'],
    ['write', '/dev/null'],
    ['write', '/src/deep/__pycache__/x.pyc.1'],
    ['write', 'pipe:[12]'],
    ['exec', '/usr/bin/env'],
    ['exec', '/usr/lib/gcc/x86_64-linux-gnu/12/cc1'],
    ['exec', '/lib64/ld-linux-x86-64.so.2'],
    ['exec', '/.sandbox/bin/node'],
    ['exec', '/src/run.sh'],
    ['exec', '/tmp/a.out'],
    ['exec', '/books/tool'],
  ])('%s %s', (access, path) => {
    expect(allows(access, path)).toBe(true)
  })

  test.each<[access: TraceAccess, path: string]>([
    // JK-T6
    ['read', '/etc/passwd'],
    ['read', '/etc/shadow'],
    ['read', '/etc/group'],
    ['read', '/etc/ssl/private/key.pem'],
    ['read', '/root'],
    ['read', '/root/.ssh/id_rsa'],
    ['read', '/home/bob'],
    ['read', '/var/lib/x'],
    ['read', '/proc/1/environ'],
    ['read', '/proc/kallsyms'],
    ['read', '/proc/cmdline'],
    ['read', '/dev/sda'],
    ['read', '/dev/mem'],
    ['write', '/books/x'],
    ['write', '/src/main.c'],
    ['write', '/main.c'],
    ['write', '/'],
    ['write', '/usr'],
    ['write', '/etc/passwd'],
    ['write', '/proc/1000/mem'],
    ['write', '/proc/sys/kernel/core_pattern'],
    ['write', '/sys/fs/cgroup/release_agent'],
    ['exec', '/dev/shm/x'],
    ['exec', '/etc/passwd'],
    ['exec', '/memfd:x (deleted)'],
    ['exec', '/data2/x'],
    ['connect', '127.0.0.1:80'],
    ['connect', 'unix:/tmp/x'],
  ])('not %s %s', (access, path) => {
    expect(allows(access, path)).toBe(false)
  })

  test('a home may hold what a base never shows', () => {
    expect(judge({}, { ...context, home: ['/etc/passwd'] })('read', '/etc/passwd')).toBe(true)
    expect(judge({}, { ...context, home: ['/etc/passwd'] })('read', '/etc/shadow')).toBe(false)
  })
})

describe('a path', () => {
  const allows = judge({ read: ['/x/jail'], write: ['/x/jail'], exec: ['/'] })

  test('JK-D2: is matched by segment, so a sibling whose name goes on is not meant', () => {
    for (const access of ['read', 'write'] as const) {
      expect(allows(access, '/x/jail')).toBe(true)
      expect(allows(access, '/x/jail/f')).toBe(true)
      expect(allows(access, '/x/jail2/f')).toBe(false)
      expect(allows(access, '/x/jail2')).toBe(false)
      expect(allows(access, '/x/jai')).toBe(false)
    }
  })

  test('opens the folders on the way to it for reading, and nothing else in them', () => {
    expect(allows('read', '/x')).toBe(true)
    expect(allows('read', '/')).toBe(true)
    expect(allows('read', '/x/other')).toBe(false)
    expect(allows('write', '/x')).toBe(false)
  })

  test('/ is everything, but nothing that is no path', () => {
    expect(allows('exec', '/any/thing')).toBe(true)
    expect(allows('exec', 'pipe:[1]')).toBe(false)
    expect(allows('exec', '')).toBe(false)
  })
})

test('JK-D4: what may be read may not be written, nor what may be executed', () => {
  const allows = judge({ read: ['/data', '@programs'], write: [], exec: ['/data', '@programs'] })
  expect(allows('read', '/usr/bin/evil')).toBe(true)
  expect(allows('exec', '/usr/bin/evil')).toBe(true)
  expect(allows('write', '/usr/bin/evil')).toBe(false)
  expect(allows('write', '/data/x')).toBe(false)
  expect(judge({})('write', '/usr/bin/evil')).toBe(false)
  expect(judge({ write: ['/data'], read: [] })('read', '/data/x')).toBe(false)
})

test('JK-D13: a text stands at the beginning of a path, a regular expression where it says', () => {
  const allows = judge({ read: ['/lib/x.so', '/opt/*.so', { regexp: '^/a\\.b$' }], write: [/\.log$/] })
  expect(allows('read', '/work/lib/x.so')).toBe(false)
  expect(allows('read', '/work/opt/x.so')).toBe(false)
  expect(allows('read', '/opt/x.so')).toBe(true)
  expect(allows('read', '/opt/x.so/y')).toBe(false)
  expect(allows('read', '/opt/x.so.1')).toBe(false)
  expect(allows('read', '/a.b')).toBe(true)
  expect(allows('read', '/axb')).toBe(false)
  expect(allows('write', '/anywhere/x.log')).toBe(true)
  expect(allows('write', `/${'x'.repeat(4092)}.log`)).toBe(false)
})

test('a write list with @mounts has the writable ones alone', () => {
  const allows = judge({ write: ['@mounts'], read: ['@mounts'] })
  expect(allows('write', '/data/x')).toBe(true)
  expect(allows('write', '/books/x')).toBe(false)
  expect(allows('read', '/books/x')).toBe(true)
})

describe('/proc', () => {
  const allows = judge({})

  test('a process may look at itself and at no other', () => {
    expect(allows('read', '/proc/1000/maps', 1000)).toBe(true)
    expect(allows('read', '/proc/1000/task/1003/stat', 1000)).toBe(true)
    expect(allows('read', '/proc/1000/maps', 1001)).toBe(false)
    expect(allows('read', '/proc/100/maps', 1000)).toBe(false)
    expect(allows('read', '/proc/10000', 1000)).toBe(false)
    expect(allows('read', '/proc/self/maps', 1001)).toBe(true)
  })

  test('and not through itself at everything', () => {
    expect(allows('read', '/proc/1000/root', 1000)).toBe(true)
    expect(allows('read', '/proc/1000/root/etc/shadow', 1000)).toBe(false)
    expect(allows('read', '/proc/1000/task/1000/root/etc/shadow', 1000)).toBe(false)
    expect(allows('read', '/proc/1000/root/proc/1000/root/etc/shadow', 1000)).toBe(false)
    expect(allows('read', '/proc/self/root/etc/shadow', 1000)).toBe(false)
    expect(allows('read', '/proc/1000/root/tmp/x', 1000)).toBe(true)
    expect(allows('read', '/proc/1000/cwd/passwd', 1000)).toBe(false)
    expect(allows('read', '/proc/self/fd/3/passwd', 1000)).toBe(false)
    expect(allows('read', '/proc/1000/fd/3', 1000)).toBe(true)
  })

  test("a user's pattern can name a process by number and by self", () => {
    const given = judge({ read: ['/proc/1', '/proc/*/status', /^\/proc\/\d+\/comm$/] })
    expect(given('read', '/proc/1/environ', 5)).toBe(true)
    expect(given('read', '/proc/7/status', 5)).toBe(true)
    expect(given('read', '/proc/5/status', 5)).toBe(true)
    expect(given('read', '/proc/5/comm', 5)).toBe(true)
    expect(given('read', '/proc/5/maps', 5)).toBe(false)
    expect(judge({ read: ['/proc/self/maps'] })('read', '/proc/5/maps', 5)).toBe(true)
    expect(judge({ read: ['/proc/self/maps'] })('read', '/proc/6/maps', 5)).toBe(false)
  })
})

test('a verdict on a path that came before takes less than ten microseconds', () => {
  const allows = judge({ read: ['@default', ...Array.from({ length: 5000 }, (_, index) => `/p${index}/**/*.c`)] })
  const paths = Array.from({ length: 1000 }, (_, index) => `/p${index}/src/lib/deep/file${index}.c`)
  const round = (): boolean => paths.every((path) => allows('read', path))
  expect(round()).toBe(true)
  const best = Math.min(
    ...Array.from({ length: 20 }, () => {
      const begun = process.cpuUsage()
      for (let repeat = 0; repeat < 10; repeat += 1) round()
      return process.cpuUsage(begun).user
    }),
  )
  // 10,000 verdicts; the best of twenty rounds, since the machine has other work.
  expect(best).toBeLessThan(100_000)
})
