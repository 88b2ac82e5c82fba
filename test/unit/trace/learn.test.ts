import { describe, expect, test } from 'vitest'
import { InvalidOptionsError, InvalidStateError } from '../../../src/errors.js'
import { parseSandboxOptions, parseTracePolicyFile } from '../../../src/options/index.js'
import type { AccessEvent, TraceEvent } from '../../../src/trace/event.js'
import { learnPolicy, mergeLearned, UsedNames, type LearnedPolicy } from '../../../src/trace/learn/index.js'
import { access, start } from './events.js'

const context = { scratch: ['/tmp', '/work/[out]'] }
const learn = (...events: TraceEvent[]) => learnPolicy({ events, syscalls: null, context })
const connect = (path: string) => access({ path, mode: 'connect', access: 'connect', syscall: 'connect' })
const write = (path: string, fields: Partial<AccessEvent> = {}) =>
  access({ path, mode: 'write', access: 'write', ...fields })

test('a policy of nothing allows nothing', () => {
  expect(learn(start())).toEqual({ version: 1, read: [], write: [], exec: [], connect: [], syscalls: null })
})

test('each list has what was used for it, exactly, sorted and once', () => {
  const learned = learn(
    access({ path: '/etc/passwd' }),
    access({ path: '/bin/sh', mode: 'exec', access: 'exec' }),
    access({ path: '/etc/hosts', mode: 'metadata', syscall: 'stat' }),
    access({ path: '/etc/passwd' }),
    access({ path: '/d', mode: 'remove', access: 'write', syscall: 'unlink' }),
  )
  expect(learned.read).toEqual(['/etc/[h]osts', '/etc/[p]asswd'])
  expect(learned.exec).toEqual(['/bin/[s]h'])
  expect(learned.write).toEqual(['/[d]'])
})

test.each<[string, unknown]>([
  ['/', { regexp: '^\\/$' }],
  ['/a*?{b},c', '/[a]\\*\\?\\{b\\}\\,c'],
  ['/-x/]y', '/-x/[\\]]y'],
  ['/x/!', '/x/[\\!]'],
  ['/x/.hidden', '/x/[.]hidden'],
  ['/x/😀ż', '/x/[😀]ż'],
  ['/x/\udc80', '/x/[\udc80]'],
  ['/x/a\nb', '/x/[a]\nb'],
  ['/memfd:a (deleted)', '/[m]emfd:a (deleted)'],
  ['net:[4026531840]', { regexp: '^net:\\[4026531840\\]$' }],
])('the name %j becomes %j', (path, pattern) => {
  expect(learn(access({ path })).read).toEqual([pattern])
})

describe('names that no second run has', () => {
  test('in scratch stand for the scratch, in each list', () => {
    const learned = learn(
      ...['/tmp/a1', '/tmp/b2/c', '/tmp', '/work/[out]/x'].map((path) => access({ path })),
      write('/tmp/n', { mode: 'create' }),
      access({ path: '/tmp/a.out', mode: 'exec', access: 'exec' }),
      connect('unix:/tmp/agent.123'),
      connect('unix:/work/[out]/s'),
    )
    expect(learned).toMatchObject({ read: ['@scratch'], write: ['@scratch'], exec: ['@scratch'] })
    expect(learned.connect).toEqual(['unix:/tmp', 'unix:/work/\\[out\\]'])
  })

  test('that only begin like scratch do not', () => {
    expect(learn(access({ path: '/tmpfile' })).read).toEqual(['/[t]mpfile'])
  })

  test('of the own process are those of /proc/self, of another one they stay', () => {
    const own = ['/proc/40/status', '/proc/40/task/41/comm', '/proc/40/fd/17', '/proc/self/maps']
    const learned = learn(...own.map((path) => access({ path })), access({ path: '/proc/7/cmdline' }))
    expect(learned.read).toEqual([
      '/proc/7/[c]mdline',
      '/proc/self/[c]omm',
      '/proc/self/[m]aps',
      '/proc/self/[s]tatus',
      '/proc/self/fd/*',
    ])
  })

  test('of shared memory and of what has no name at all stand for the devices', () => {
    const learned = learn(...['/dev/shm/sem.1', 'pipe:[77]', 'socket:[5]'].map((path) => access({ path })))
    expect(learned.read).toEqual(['@devices'])
  })
})

test('what was not there needs no pattern, unless it was to be made', () => {
  const missing = { errno: 'ENOENT', result: -1 } as const
  expect(learn(access({ path: '/a', ...missing })).read).toEqual([])
  expect(learn(access({ path: '/a', errno: 'EACCES', result: -1 })).read).toEqual(['/[a]'])
  expect(learn(write('/a', { ...missing, syscall: 'unlink', mode: 'remove' })).write).toEqual(['/[a]'])
})

test('an open for writing is allowed to read too, since it may have been for both', () => {
  expect(learn(write('/a'))).toMatchObject({ read: ['/[a]'], write: ['/[a]'] })
  expect(learn(write('/a', { syscall: 'mkdir', mode: 'create' }))).toMatchObject({ read: [], write: ['/[a]'] })
})

test.each<[string, unknown]>([
  ['10.0.0.1:80', '10.0.0.1:80'],
  ['[fe80::1]:443', '[fe80::1]:443'],
  ['0.0.0.0:0', { regexp: '^0\\.0\\.0\\.0:0$' }],
  ['[fe80::1%2]:80', { regexp: '^\\[fe80::1%2\\]:80$' }],
  ['unix:/run/x', 'unix:/run/[x]'],
  ['unix:@bus', 'unix:@bus'],
  ['unix:@a\0b', { regexp: '^unix:@a\\x00b$' }],
  ['netlink:15', { regexp: '^netlink:15$' }],
])('the address %j becomes %j', (address, pattern) => {
  expect(learn(connect(address)).connect).toEqual([pattern])
})

test('calls are sorted, and unknown where not all were traced', () => {
  expect(learnPolicy({ events: [], syscalls: ['write', 'read', 'write'], context }).syscalls).toEqual(['read', 'write'])
  expect(learn().syscalls).toBeNull()
})

test('names that were kept while the guest ran give the same policy as the events, and scratch names fill no memory', () => {
  const names = new UsedNames(context.scratch)
  const events = Array.from({ length: 50_000 }, (_, index) => access({ path: `/tmp/${index}` }))
  for (const event of [...events, access({ path: '/x' }), connect('10.0.0.1:1')]) names.add(event)
  expect(names.toList()).toHaveLength(3)
  expect(learnPolicy({ events: names.toList(), syscalls: null, context })).toEqual(
    learn(access({ path: '/tmp/1' }), access({ path: '/x' }), connect('10.0.0.1:1')),
  )
})

test('more names than a policy holds are an error, and no policy that lacks some', () => {
  const events = Array.from({ length: 10_001 }, (_, index) => access({ path: `/${index}` }))
  expect(learn(...events.slice(1)).read).toHaveLength(10_000)
  expect(() => learn(...events)).toThrow(InvalidStateError)
})

test('a name that no pattern can hold is an error', () => {
  expect(() => learn(access({ path: `/${'*'.repeat(4_000)}` }))).toThrow(InvalidStateError)
})

test('a learned policy is an option and a policy file as it is', () => {
  const learned = learnPolicy({ events: [access({ path: '/x' })], syscalls: ['read'], context })
  expect(parseSandboxOptions({ trace: learned }).trace?.policy?.read).toHaveLength(1)
  const { version: _version, syscalls: _syscalls, ...lists } = learned
  expect(parseTracePolicyFile(JSON.stringify(learned), 'x.json')).toEqual(lists)
})

describe('mergeLearned', () => {
  const policy = (fields: Partial<LearnedPolicy>): LearnedPolicy => ({ ...learn(), ...fields })

  test('joins the lists without repetition', () => {
    const one = policy({ read: ['/[b]', { regexp: '^x$' }], syscalls: ['read'] })
    const two = policy({
      read: ['/[a]', '/[b]', { regexp: '^x$' }],
      connect: ['10.0.0.1:1'],
      syscalls: ['close', 'read'],
    })
    expect(mergeLearned([one, two])).toEqual(
      policy({ read: ['/[a]', '/[b]', { regexp: '^x$' }], connect: ['10.0.0.1:1'], syscalls: ['close', 'read'] }),
    )
    expect(mergeLearned([two, one])).toEqual(mergeLearned([one, two]))
  })

  test('knows no calls when one run did not', () => {
    expect(mergeLearned([policy({ syscalls: ['read'] }), policy({})]).syscalls).toBeNull()
  })

  test('of nothing is an error', () => {
    expect(() => mergeLearned([])).toThrow(InvalidOptionsError)
  })
})
