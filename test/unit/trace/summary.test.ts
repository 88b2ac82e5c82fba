import { describe, expect, test } from 'vitest'
import { TraceSummarizer } from '../../../src/trace/summary.js'
import type { TraceEvent, TraceMode } from '../../../src/trace/event.js'
import { access, start } from './events.js'
import { heldBytes } from '../../helpers/memory.js'

function summaryOf(...events: TraceEvent[]) {
  const summarizer = new TraceSummarizer()
  for (const event of events) summarizer.add(event)
  return summarizer.summary()
}

test('nothing seen is an empty summary in JSON', () => {
  const summary = summaryOf()
  expect(JSON.parse(JSON.stringify(summary))).toEqual(summary)
  expect(summary).toMatchObject({
    read: [],
    programs: [],
    connections: [],
    refused: [],
    violations: [],
    truncated: false,
  })
  expect(summary.counts).toEqual({
    ...{ events: 0, processes: 0, threads: 0, violations: 0, unknownLines: 0 },
    ...{ bySyscall: {}, byErrno: {} },
  })
})

test.each<[TraceMode, string]>([
  ['read', 'read'],
  ['write', 'written'],
  ['create', 'created'],
  ['remove', 'removed'],
  ['rename', 'renamed'],
  ['metadata', 'metadata'],
  ['bind', 'created'],
])('mode %s goes to the list %s alone, sorted and counted', (mode, list) => {
  const right = mode === 'read' ? 'read' : 'write'
  const events = ['/b', '/a', '/b'].map((path) => access({ path, mode, access: right }))
  const summary = summaryOf(...events)
  expect(summary).toMatchObject({
    ...{ read: [], written: [], created: [], removed: [], renamed: [], metadata: [] },
    [list]: [
      { path: '/a', count: 1, errors: {} },
      { path: '/b', count: 2, errors: {} },
    ],
  })
})

test('a file that was only looked at is not read, and its metadata is not changed', () => {
  const look = access({ path: '/a', mode: 'metadata', access: 'read', syscall: 'stat', result: 0 })
  const summary = summaryOf(look)
  expect(summary.read).toEqual([])
  expect(summary.metadata).toEqual([])
  expect(summary.counts.bySyscall).toEqual({ stat: 1 })
})

describe('failures', () => {
  const missing = access({ path: '/a', errno: 'ENOENT' })

  test('count at a name that also succeeded, whichever came first', () => {
    const want = [{ path: '/a', count: 1, errors: { ENOENT: 2 } }]
    expect(summaryOf(missing, missing, access({ path: '/a' })).read).toEqual(want)
    expect(summaryOf(access({ path: '/a' }), missing, missing).read).toEqual(want)
    expect(summaryOf(missing, access({ path: '/a' }), missing).read).toEqual(want)
  })

  test('alone are no use of a file', () => {
    const summary = summaryOf(missing)
    expect(summary.read).toEqual([])
    expect(summary.refused).toEqual([])
    expect(summary.counts.byErrno).toEqual({ ENOENT: 1 })
  })

  test('a call that never returned is none either', () => {
    expect(summaryOf(access({ path: '/a', result: null })).read).toEqual([])
  })

  test('by the kernel’s refusal are listed by path, mode and errno', () => {
    const refused = (errno: string, mode: TraceMode = 'create') => access({ path: '/r', mode, access: 'write', errno })
    const summary = summaryOf(refused('EROFS'), refused('EROFS'), refused('EACCES'), refused('EROFS', 'remove'))
    expect(summary.refused).toEqual([
      { path: '/r', syscall: 'openat', mode: 'create', errno: 'EACCES', count: 1 },
      { path: '/r', syscall: 'openat', mode: 'create', errno: 'EROFS', count: 2 },
      { path: '/r', syscall: 'openat', mode: 'remove', errno: 'EROFS', count: 1 },
    ])
    expect(summary.created).toEqual([])
  })

  test('of calls without a name are listed by call', () => {
    const base = { seq: 1, timeMs: 0, pid: 1, processId: 1, commandId: 1, command: [] }
    const summary = summaryOf(
      { ...base, kind: 'refused', syscall: 'bpf', architecture: 'x86_64', errno: 'EPERM' },
      { ...base, kind: 'refused', syscall: 'getpid', architecture: 'i386', errno: null },
      { ...base, kind: 'socket', family: 'AF_VSOCK', type: 'SOCK_STREAM', errno: 'EPERM' },
      { ...base, kind: 'kill', syscall: 'kill', target: 1, sent: 'SIGKILL', errno: 'EPERM' },
      { ...base, kind: 'kill', syscall: 'kill', target: 9, sent: 'SIGKILL', errno: 'ESRCH' },
    )
    expect(summary.refused.map(({ syscall, errno, path, mode }) => [syscall, errno, path, mode])).toEqual([
      ['bpf', 'EPERM', null, null],
      ['getpid', 'SIGSYS', null, null],
      ['kill', 'EPERM', null, null],
      ['socket', 'EPERM', null, null],
    ])
  })
})

test('programs have the arguments of their first run', () => {
  const run = (...command: string[]) => access({ path: '/bin/sh', mode: 'exec', access: 'exec', result: 0, command })
  const failed = access({ path: '/bin/no', mode: 'exec', access: 'exec', errno: 'EACCES', command: ['sh'] })
  expect(summaryOf(run('sh', '-c', 'one'), run('sh', 'two'), failed).programs).toEqual([
    { path: '/bin/sh', count: 2, errors: {}, argv: ['sh', '-c', 'one'] },
  ])
})

test('connections have their results, failed ones too', () => {
  const connect = (path: string, errno: string | null, mode: TraceMode = 'connect') =>
    access({ path, mode, access: 'connect', errno, syscall: mode })
  const summary = summaryOf(
    connect('10.0.0.1:80', 'ENETUNREACH'),
    connect('10.0.0.1:80', 'ENETUNREACH'),
    connect('10.0.0.1:80', null),
    connect('0.0.0.0:0', null, 'bind'),
  )
  expect(summary.connections).toEqual([
    { address: '0.0.0.0:0', results: { ok: 1 } },
    { address: '10.0.0.1:80', results: { ENETUNREACH: 2, ok: 1 } },
  ])
  expect(summary.refused).toHaveLength(1)
})

test('counts processes, threads and lines that were not understood', () => {
  const unknown: TraceEvent = { kind: 'unknown', seq: 3, text: '?' }
  const { counts } = summaryOf(
    start(),
    start({ thread: true }),
    start({ thread: true }),
    start({ kind: 'exit' }),
    unknown,
  )
  expect(counts).toMatchObject({ events: 5, processes: 1, threads: 2, unknownLines: 1 })
})

describe('limits', () => {
  const limits = { maxEntries: 10, maxTextUnits: 1_000 }

  test('what finds no room is counted exactly, and what is there goes on counting', () => {
    const summarizer = new TraceSummarizer(limits)
    for (let index = 0; index < 25; index += 1) summarizer.add(access({ path: `/f${index}` }))
    summarizer.add(access({ path: '/f3' }))
    const summary = summarizer.summary()
    expect(summary.read).toHaveLength(10)
    expect(summary.read.find(({ path }) => path === '/f3')?.count).toBe(2)
    expect(summary.omitted.read).toBe(15)
    expect(summary.omitted.written).toBe(0)
    expect(summary.truncated).toBe(true)
    expect(summary.counts.events).toBe(26)
  })

  test('long names count by their length', () => {
    const summarizer = new TraceSummarizer(limits)
    for (let index = 0; index < 5; index += 1) summarizer.add(access({ path: `/${index}${'x'.repeat(398)}` }))
    expect(summarizer.summary()).toMatchObject({ omitted: { read: 3 }, truncated: true })
  })

  test('names that are not there take no room from those that are', () => {
    const summarizer = new TraceSummarizer(limits)
    for (let index = 0; index < 1_000; index += 1) summarizer.add(access({ path: `/f${index}`, errno: 'ENOENT' }))
    summarizer.add(access({ path: '/secret' }))
    expect(summarizer.summary()).toMatchObject({ read: [{ path: '/secret' }], truncated: false })
  })

  test('violations keep the first thousand, in order and with their own copy of the command line', () => {
    const summarizer = new TraceSummarizer()
    for (let seq = 1; seq <= 1_500; seq += 1) summarizer.add(access({ path: `/f${seq}`, seq, allowed: false }))
    const { violations, omitted, counts } = summarizer.summary()
    expect(violations.map(({ seq }) => seq)).toEqual(Array.from({ length: 1_000 }, (_, index) => index + 1))
    expect(violations[0]).toMatchObject({ path: '/f1', command: ['sh', '-c', 'true'], allowed: false })
    expect(omitted.violations).toBe(500)
    expect(counts.violations).toBe(1_500)
  })

  test('numbers of calls that a guest makes up do not grow the counters without end', () => {
    const summarizer = new TraceSummarizer()
    for (let index = 0; index < 5_000; index += 1)
      summarizer.add(access({ path: '/a', syscall: `syscall_0x${index.toString(16)}` }))
    const { bySyscall } = summarizer.summary().counts
    expect(Object.keys(bySyscall).length).toBeLessThanOrEqual(1_001)
    expect(Object.values(bySyscall).reduce((sum, count) => sum + count, 0)).toBe(5_000)
  })

  test('a name that was cut out of a large text does not keep that text', () => {
    const summarizer = new TraceSummarizer()
    const before = heldBytes()
    for (let index = 0; index < 500; index += 1) {
      // Built at run time, so that the name is a window on a text of 256 KiB.
      const chunk = `${index.toString().padStart(20, '/n')}${Buffer.alloc(256 * 1024, 'x').toString('latin1')}`
      const path = chunk.slice(0, 20)
      summarizer.add(access({ path, file: path, command: [path], allowed: index > 9 }))
    }
    expect(heldBytes() - before).toBeLessThan(16 * 1024 * 1024)
    expect(summarizer.summary().read).toHaveLength(500)
  })
})
