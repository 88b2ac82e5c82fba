import { expect, test } from 'vitest'
import { Joiner } from '../../../../src/trace/strace/joiner.js'
import { parseLine } from '../../../../src/trace/strace/line-parser.js'
import { TraceReader, type TraceRecord } from '../../../../src/trace/strace/index.js'
import { readLog } from './reading.js'

const enoent = { value: -1, errno: 'ENOENT', path: null, deleted: false }
const never = { value: null, errno: null, path: null, deleted: false }

test('two halves are one call, with the time at which it was entered; the first half is told at once', () => {
  expect(
    readLog(
      '1 1.000001 vfork( <unfinished ...>\n',
      '2 1.000002 access("/x, (", F_OK) = -1 ENOENT (No such file or directory)\n',
      '1 1.000003 <... vfork resumed>)         = 2\n',
    ),
  ).toEqual([
    { kind: 'entered', pid: 1, timeMs: 1000.001, name: 'vfork', args: [] },
    { kind: 'call', pid: 2, timeMs: 1000.002, name: 'access', args: ['"/x, ("', 'F_OK'], result: enoent },
    { kind: 'call', pid: 1, timeMs: 1000.001, name: 'vfork', args: [], result: { ...never, value: 2 } },
  ])
})

test.each([
  ['read(3</a>,  <unfinished ...>', '<... read resumed>"b", 9) = 1', ['3</a>', '"b"', '9']],
  [
    'clone3({flags=CLONE_VM, exit_signal=0 <unfinished ...>',
    '<... clone3 resumed>} => {parent_tid=[5]}, 88) = 5',
    ['{flags=CLONE_VM, exit_signal=0} => {parent_tid=[5]}', '88'],
  ],
  [
    'openat(AT_FDCWD</>, "a\\"", O_RDONLY <unfinished ...>',
    '<... openat resumed>) = 3</a>',
    ['AT_FDCWD</>', '"a\\""', 'O_RDONLY'],
  ],
  ['wait4(-1,  <unfinished ...>', '<... wait4 resumed> <unfinished ...>) = ?', ['-1']],
])('%s and %s', (begin, end, args) => {
  const records = readLog(`1 1.000001 ${begin}\n2 1.000002 getpid() = 2\n1 1.000003 ${end}\n`)
  expect(records.map(({ kind }) => kind)).toEqual(['entered', 'call', 'call'])
  expect(records[2]).toMatchObject({ kind: 'call', pid: 1, timeMs: 1000.001, args })
})

test('a call may be broken off twice', () => {
  const records = readLog(
    '1 1.000001 a(1 <unfinished ...>\n1 1.000003 <... a resumed>, 2 <unfinished ...>\n1 1.000004 <... a resumed>) = 0\n',
  )
  expect(records).toMatchObject([
    { kind: 'entered' },
    { kind: 'call', timeMs: 1000.001, args: ['1', '2'], result: { value: 0 } },
  ])
})

test('a leader that is superseded loses its call, and the thread that called execve goes on under its id', () => {
  const log = `16885 1795359837.942975 execve("/bin/true", ["/bin/true"], 0x7ffc93fa5630 /* 35 vars */ <unfinished ...>
16882 1795359837.943000 pause( <unfinished ...>
16884 1795359837.943324 <... read resumed> <unfinished ...>) = ?
16884 1795359837.943385 +++ exited with 0 +++
16882 1795359837.943666 +++ superseded by execve in pid 16885 +++
16882 1795359837.943680 <... execve resumed>) = 0
`
  const records = readLog(`16884 1795359837.922762 read(3<pipe:[5]>,  <unfinished ...>\n${log}`)
  expect(records.map(({ kind }) => kind)).toEqual([
    'entered',
    'entered',
    'entered',
    'call',
    'exit',
    'call',
    'superseded',
    'call',
  ])
  expect(records[5]).toMatchObject({ pid: 16882, name: 'pause', result: never })
  expect(records[6]).toMatchObject({ pid: 16882, by: 16885 })
  expect(records[7]).toMatchObject({
    pid: 16882,
    timeMs: 1795359837942.975,
    name: 'execve',
    args: ['"/bin/true"', '["/bin/true"]', '0x7ffc93fa5630 /* 35 vars */'],
    result: { value: 0 },
  })
})

test('a leader whose own line is open when it is superseded: strace forgets a newline', () => {
  const records = readLog(`17927 1795359921.181600 execve("./te3", ["./te3", "208"], NULL <unfinished ...>
17835 1795359921.181621 ???(17835 1795359921.181750 +++ superseded by execve in pid 17927 +++
17835 1795359921.181760 <... execve resumed>) = 0
`)
  expect(records).toMatchObject([
    { kind: 'entered', pid: 17927 },
    { kind: 'entered', pid: 17835, name: '???' },
    { kind: 'call', pid: 17835, name: '???', result: never },
    { kind: 'superseded', pid: 17835, by: 17927 },
    { kind: 'call', pid: 17835, name: 'execve', result: { value: 0 } },
  ])
})

test.each([
  '17835 1.181621 unlink("17835 1.181750 +++ superseded by execve in pid 17927 +++',
  '17835 1.181621 ???(17836 1.181750 +++ superseded by execve in pid 17927 +++',
  '17835 1.181621 unlink("a") = 017835 1.181750 +++ superseded by execve in pid 17927 +++',
  '17835 1.181621 +++ superseded by execve in pid 17927 +++ 17835 1.181621 +++ superseded by execve in pid 17927 +++',
])('nothing else passes for such a line: %s', (line) => {
  expect(readLog(`${line}\n`)).toEqual([{ kind: 'unknown', text: line }])
})

test('a thread that dies in a call gives the call without a result, and then its end', () => {
  expect(
    readLog(
      '1 1.000001 pause( <unfinished ...>\n2 1.000002 getpid() = 2\n1 1.000003 +++ killed by SIGKILL +++\n',
    ).slice(2),
  ).toEqual([
    { kind: 'call', pid: 1, timeMs: 1000.001, name: 'pause', args: [], result: never },
    { kind: 'exit', pid: 1, timeMs: 1000.003, exitCode: null, signal: 'SIGKILL' },
  ])
})

test('a call that is followed by another of its thread, or by the end of the log, never returned', () => {
  const records = readLog(
    '1 1.000001 a(1 <unfinished ...>\n1 1.000002 b(2 <unfinished ...>\n1 1.000003 c(3) = 0\n2 1.000004 d(4 <unfinished ...>\n',
  )
  const ends = records.filter((record) => record.kind === 'call')
  expect(ends.map(({ name, result }) => [name, result.value])).toEqual([
    ['a', null],
    ['b', null],
    ['c', 0],
    ['d', null],
  ])
})

test('a call of a thread that strace let go of never returned', () => {
  expect(readLog('9 1.000001 restart_syscall(<... resuming interrupted read ...> <detached ...>\n')).toMatchObject([
    { kind: 'entered' },
    { kind: 'call', result: never },
  ])
})

test.each([
  ['no first half', '1 1.000003 <... read resumed>"b", 9) = 1\n'],
  [
    'a first half of another thread',
    '2 1.000001 read(3,  <unfinished ...>\n1 1.000003 <... read resumed>"b", 9) = 1\n',
  ],
  [
    'one that is done',
    '1 1.000001 read(3,  <unfinished ...>\n1 1.000002 <... read resumed>"b", 9) = 1\n1 1.000003 <... read resumed>"b", 9) = 1\n',
  ],
  [
    'a thread that died',
    '1 1.000001 read(3,  <unfinished ...>\n1 1.000002 +++ exited with 0 +++\n1 1.000003 <... read resumed>"b", 9) = 1\n',
  ],
  ['another name', '1 1.000001 write(3,  <unfinished ...>\n1 1.000003 <... read resumed>"b", 9) = 1\n'],
])('a second half to %s is not understood', (_what, log) => {
  const records = readLog(log)
  expect(records.filter(({ kind }) => kind === 'unknown')).toEqual([
    { kind: 'unknown', text: '1 1.000003 <... read resumed>"b", 9) = 1' },
  ])
})

test('lines and what was not understood are counted', () => {
  const reader = new TraceReader({ onRecord: () => undefined, maxLineBytes: 100 })
  reader.push(
    Buffer.from(`1 1.000001 getpid() = 1\nnonsense\n${'x'.repeat(101)}\n1 1.000002 <... a resumed>) = 1\nend`),
  )
  reader.end()
  expect([reader.lines, reader.unknown]).toEqual([5, 4])
})

test('threads that are in calls hold no more than they may; what is too much is told', () => {
  const records: TraceRecord[] = []
  const joiner = new Joiner({ onRecord: (record) => records.push(record), maxPendingChars: 100 })
  for (let pid = 1; pid <= 10; pid++)
    joiner.accept(parseLine(`${pid} 1.000001 open("${'x'.repeat(20)}" <unfinished ...>`))
  expect(records.filter(({ kind }) => kind === 'entered')).toHaveLength(10)
  expect(records.filter(({ kind }) => kind === 'unknown')).toHaveLength(7)
  for (let pid = 1; pid <= 10; pid++) joiner.accept(parseLine(`${pid} 1.000001 <... open resumed>) = 3`))
  expect(records.filter(({ kind }) => kind === 'call')).toHaveLength(3)
  joiner.accept(parseLine('1 1.000001 open("x" <unfinished ...>'))
  expect(records.at(-1)).toMatchObject({ kind: 'entered' })
})

test('a hundred thousand threads that come, are in a call and die leave nothing behind', () => {
  let calls = 0
  const reader = new TraceReader({ onRecord: (record) => (calls += record.kind === 'call' ? 1 : 0) })
  const args = `"${'x'.repeat(1000)}"`
  for (let pid = 1; pid <= 100_000; pid++)
    reader.push(Buffer.from(`${pid} 1.000001 open(${args} <unfinished ...>\n${pid} 1.000002 +++ exited with 0 +++\n`))
  expect([calls, reader.unknown]).toEqual([100_000, 0])
})
