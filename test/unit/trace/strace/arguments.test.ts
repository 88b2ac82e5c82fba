import { expect, test } from 'vitest'
import {
  readDescriptor,
  readFlags,
  readList,
  readNamed,
  readString,
  readStruct,
} from '../../../../src/trace/strace/index.js'

test.each([
  ['"/etc/passwd"', { value: '/etc/passwd', truncated: false }],
  ['""', { value: '', truncated: false }],
  ['"abc"...', { value: 'abc', truncated: true }],
  [String.raw`"a\"...\\"`, { value: 'a"...\\', truncated: false }],
  ['"...', null],
  ['"abc" ...', null],
  ['"a"b"', null],
  [String.raw`"a\q"`, null],
  ['0x7ffd4c3f2a10', null],
  ['NULL', null],
  ['@"abstract"', null],
  ['', null],
])('the string %s', (arg, expected) => {
  expect(readString(arg)).toEqual(expected)
})

test.each([
  ['3</etc/passwd>', { fd: 3, path: '/etc/passwd', deleted: false }],
  ['AT_FDCWD</work>', { fd: null, path: '/work', deleted: false }],
  ['AT_FDCWD', { fd: null, path: null, deleted: false }],
  ['4<socket:[5]>', { fd: 4, path: 'socket:[5]', deleted: false }],
  ['5</tmp/a>(deleted)', { fd: 5, path: '/tmp/a', deleted: true }],
  ['5</tmp/a (deleted)>', { fd: 5, path: '/tmp/a (deleted)', deleted: false }],
  [String.raw`3</d\74\76\"\\ \n\303\251>`, { fd: 3, path: '/d<>"\\ \né', deleted: false }],
  ['-1', { fd: -1, path: null, deleted: false }],
  ['7', { fd: 7, path: null, deleted: false }],
  ['3</a', null],
  ['3</a>x', null],
  ['0x3', null],
  ['"3</a>"', null],
  ['', null],
])('the descriptor %s', (arg, expected) => {
  expect(readDescriptor(arg)).toEqual(expected)
})

test.each([
  ['O_RDONLY|O_CLOEXEC', ['O_RDONLY', 'O_CLOEXEC']],
  ['O_RDONLY', ['O_RDONLY']],
  ['0x8 /* AT_??? */', ['0x8']],
  ['O_RDWR|0x40000000', ['O_RDWR', '0x40000000']],
])('the flags %s', (arg, expected) => {
  expect(readFlags(arg)).toEqual(expected)
})

test('an address of IPv6 is found under the name of its field', () => {
  const arg =
    '{sa_family=AF_INET6, sin6_port=htons(80), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "::1", &sin6_addr), sin6_scope_id=0}'
  expect([...(readStruct(arg) ?? [])]).toEqual([
    ['sa_family', 'AF_INET6'],
    ['sin6_port', 'htons(80)'],
    ['sin6_flowinfo', 'htonl(0)'],
    ['sin6_addr', 'inet_pton(AF_INET6, "::1", &sin6_addr)'],
    ['sin6_scope_id', '0'],
  ])
})

test('a path in a struct cannot make fields', () => {
  const fields = readStruct(String.raw`{sa_family=AF_UNIX, sun_path="a\", sin_port=htons(1)}, {x=1"}`)
  expect([...(fields ?? [])]).toEqual([
    ['sa_family', 'AF_UNIX'],
    ['sun_path', String.raw`"a\", sin_port=htons(1)}, {x=1"`],
  ])
})

test.each([
  ['{flags=O_RDONLY|O_CLOEXEC, resolve=0}', { flags: 'O_RDONLY|O_CLOEXEC', resolve: '0' }],
  ['{st_mode=S_IFREG|0644, st_size=5, ...}', { st_mode: 'S_IFREG|0644', st_size: '5' }],
  ['{a={b=1, c=[2, 3]}, d=f(1, 2)}', { a: '{b=1, c=[2, 3]}', d: 'f(1, 2)' }],
  ['{flags=CLONE_VM} => {parent_tid=[5]}', { flags: 'CLONE_VM' }],
  ['{}', {}],
  ['{a=1', null],
  ['0x7ffe', null],
  ['[1]', null],
])('the struct %s', (arg, expected) => {
  const fields = readStruct(arg)
  expect(fields === null ? null : Object.fromEntries(fields)).toEqual(expected)
})

test.each([
  ['["cat", "a, b", "]"]', { items: ['"cat"', '"a, b"', '"]"'], truncated: false }],
  ['["a"..., "b", ...]', { items: ['"a"...', '"b"'], truncated: true }],
  ['["a", ... /* 0x7ffd00000000 */]', { items: ['"a"'], truncated: true }],
  ['[]', { items: [], truncated: false }],
  ['[1', null],
  ['["a"] => [1]', null],
  ['0x7ffe /* 3 vars */', null],
  ['NULL', null],
])('the list %s', (arg, expected) => {
  expect(readList(arg)).toEqual(expected)
})

test('arguments of clone have names', () => {
  expect(readNamed('flags=CLONE_VM|CLONE_VFORK|SIGCHLD')).toEqual({
    name: 'flags',
    value: 'CLONE_VM|CLONE_VFORK|SIGCHLD',
  })
  expect(readNamed('"flags=1"')).toBeNull()
  expect(readNamed('...')).toBeNull()
})
