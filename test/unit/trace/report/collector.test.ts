import { describe, expect, test } from 'vitest'
import { ReportCollector } from '../../../../src/trace/report/index.js'
import { access, buildEvents, exit, START_MS, start } from './sample-events.js'

function collect(events = buildEvents(), limits = {}): ReportCollector {
  const collector = new ReportCollector(limits)
  for (const event of events) collector.add(event)
  return collector
}

describe('what is gathered', () => {
  const seen = collect()

  test('violations and refused calls, equal ones once', () => {
    expect(seen.violations.rows.map(({ value }) => [value.mode, value.path, value.errno])).toEqual([
      ['write', '/usr/bin/ls', 'EROFS'],
      ['read', '/etc/shadow', 'EACCES'],
      ['connect', '169.254.169.254:80', 'ENETUNREACH'],
    ])
    expect(seen.refusals.rows.map(({ value, count }) => [value.syscall, value.path, value.errno, count])).toEqual([
      ['openat', '/root', 'EACCES', 2],
      ['bpf', null, 'EPERM', 1],
    ])
  })

  test('processes under their parents', () => {
    const [shell] = seen.lanes.roots
    expect(shell?.children.map((lane) => lane.command)).toEqual(['make -j2', "./app --verbose 'a name'"])
    const make = shell?.children[0]
    expect(make?.children).toHaveLength(12)
    expect(make?.children[0]?.children.map((lane) => lane.command.split(' ')[0])).toEqual([
      '/usr/lib/gcc/x86_64-linux-gnu/12/cc1',
      'as',
    ])
    expect(make?.children[7]).toMatchObject({ exitCode: 1, executed: true })
  })

  test('names, each with what was done to it', () => {
    const etc = seen.files.root.children?.get('etc')
    expect(etc?.children?.get('shadow')).toMatchObject({ marks: { r: 1 }, refused: 1, violations: 1, accesses: 1 })
    const tmp = seen.files.root.children?.get('tmp')
    expect(tmp?.children?.get('cc0.s')).toMatchObject({ marks: { r: 1, c: 1, d: 1 } })
    const usr = seen.files.root.children?.get('usr')
    expect(usr?.children?.get('include')?.children?.get('GNUmakefile')).toMatchObject({ absent: 1, accesses: 1 })
  })

  test('an id that is used again is another process', () => {
    const first = [7, ['first']] as const
    const second = [7, ['second']] as const
    const { lanes } = collect([start(first, 0, 1), exit(first, 5), start(second, 10, 1), exit(second, 12)])
    expect(lanes.roots.map((lane) => [lane.command, lane.endMs])).toEqual([
      ['first', START_MS + 5],
      ['second', START_MS + 12],
    ])
  })

  test('what was lost is counted', () => {
    const collector = new ReportCollector()
    collector.add({ kind: 'gap', dropped: 7 })
    expect(collector.dropped).toBe(7)
  })
})

describe('what is kept is bounded, and what is not kept is counted', () => {
  const shell = [7, ['sh']] as const

  test('processes', () => {
    const events = Array.from({ length: 30 }, (_, at) => start([100 + at, ['x']], at, 1))
    const { lanes } = collect(events, { processes: 10 })
    expect({ count: lanes.count, hidden: lanes.hidden }).toEqual({ count: 10, hidden: 20 })
  })

  test('a process without a lane counts once, however much it does', () => {
    const events = [
      start(shell, 0, 1),
      start([8, ['x']], 1, 7),
      ...[2, 3, 4].map((at) => access([8, ['x']], at, 'read', '/a')),
    ]
    expect(collect(events, { processes: 1 }).lanes.hidden).toBe(1)
  })

  test('names', () => {
    const events = Array.from({ length: 30 }, (_, at) => access(shell, at, 'read', `/file${at}`))
    const { files } = collect(events, { files: 10 })
    expect({ files: files.files, hidden: files.hidden }).toEqual({ files: 10, hidden: 20 })
  })

  test('a name of a thousand folders is one entry, and few elements deep', () => {
    const { files } = collect([access(shell, 0, 'read', '/d'.repeat(1_000))])
    let depth = 0
    for (let node = files.root; node.children !== null; depth += 1) node = [...node.children.values()][0] ?? node
    expect({ files: files.files, depth }).toEqual({ files: 1, depth: 24 })
  })

  test('rows', () => {
    const events = Array.from({ length: 30 }, (_, at) => access(shell, at, 'write', `/f${at}`, { allowed: false }))
    const { violations } = collect(events, { rows: 10 })
    expect([violations.rows.length, violations.hidden, violations.total]).toEqual([10, 20, 30])
  })

  test('marks of one process; a violation takes the place of another', () => {
    const many = Array.from({ length: 100 }, (_, at) => access(shell, at, 'exec', '/bin/true'))
    const { lanes } = collect([...many, access(shell, 200, 'write', '/etc/passwd', { allowed: false })])
    const [lane] = lanes.roots
    expect(lane?.ticks).toHaveLength(32)
    expect(lane?.ticks.at(-1)?.kind).toBe('violation')
    expect(lane?.hiddenTicks).toBe(69)
  })
})
