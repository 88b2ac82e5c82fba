import { describe, expect, test } from 'vitest'
import * as protocol from '../../../src/protocol/index.js'

interface Schema {
  safeParse(value: unknown): { readonly success: boolean; readonly data?: unknown; readonly error?: unknown }
}

const environment = { PATH: '/bin', HOME: '/' }
const stat = {
  type: 'file',
  size: 2 ** 62,
  mode: 0o100644,
  uid: 1000,
  gid: 1000,
  nlink: 1,
  ino: 2 ** 60,
  mtimeMs: 0.5,
  atimeMs: 1,
  ctimeMs: -1,
  birthtimeMs: 0,
}
const exit = {
  commandId: 1,
  exitCode: 0,
  signal: null,
  cpuMs: 1.5,
  maxRssBytes: 1,
  leftovers: 0,
  cause: 'none',
  oomKills: 0,
  stdoutBytes: 0,
  stderrBytes: 0,
}
const spawn = {
  commandId: 1,
  file: 'sh',
  args: ['-c', 'true'],
  env: environment,
  cwd: '/',
  stdin: null,
  stdout: 2,
  stderr: 0xffff_ffff,
  cpuTimeMs: null,
  outputBytes: 1_048_576,
}
const observation = {
  statuses: [{ pid: 1, tid: 1, text: 'Name:\tinit' }],
  mountinfo: '',
  limits: null,
  netdev: '',
  cgroup: { memoryMax: '1', cpuMax: null },
}

/** For each schema one valid value, and single changes of it that must be refused. */
const cases: [name: string, schema: Schema, valid: Record<string, unknown>, changes: Record<string, unknown>[]][] = [
  [
    'ready',
    protocol.readyNotificationSchema,
    { protocol: 1, pid: 7, nodeVersion: 'v20.20.2', uid: 1000, gid: 1000 },
    [{ protocol: 2 }, { pid: -1 }, { pid: 1.5 }, { nodeVersion: 'v20.1.2\u001b[2J' }, { uid: null }, { more: 1 }],
  ],
  [
    'spawn',
    protocol.spawnParamsSchema,
    spawn,
    [
      { args: 'x' },
      { args: ['\0'] },
      { env: { 'A=B': '' } },
      { env: { A: '\0' } },
      { cwd: '\0' },
      { stdin: 1 },
      { stdout: 0 },
      { cpuTimeMs: -1 },
      { commandId: -1 },
    ],
  ],
  ['spawn result', protocol.spawnResultSchema, { pid: 7 }, [{ pid: '7' }, { pid: 2 ** 32 }, { extra: 1 }]],
  [
    'spawn error',
    protocol.spawnErrorSchema,
    { errno: 'ENOENT', stage: 'exec' },
    [{ errno: 'x' }, { errno: 'E\n' }, { stage: 'other' }],
  ],
  [
    'signal',
    protocol.signalParamsSchema,
    { commandId: 0, signal: 9, scope: 'tree' },
    [{ signal: 0 }, { signal: 65 }, { signal: 'SIGKILL' }, { scope: 'all' }],
  ],
  [
    'exit',
    protocol.exitNotificationSchema,
    exit,
    [
      { exitCode: 256 },
      { exitCode: -1 },
      { signal: 0 },
      { cpuMs: NaN },
      { cpuMs: Infinity },
      { cpuMs: -1 },
      { maxRssBytes: 1.5 },
      { cause: 'x' },
      { stdoutBytes: '1' },
      { oomKills: null },
      { commandId: '1' },
    ],
  ],
  [
    'program.start',
    protocol.programStartParamsSchema,
    { commandId: 0, channel: 1, env: environment, cwd: '/', stdout: 2, stderr: 3, cpuTimeMs: null },
    [{ stdout: null }, { channel: 0 }, { commandId: -1 }, { permissions: [] }],
  ],
  [
    '$/load',
    protocol.programLoadParamsSchema,
    { program: { source: '', filename: 'a.js', guestPath: '/a.js' }, methods: null, permissions: ['fs'], home: ['/a'] },
    [{ program: { source: '' } }, { methods: undefined }, { permissions: [1] }, { home: ['\0'] }],
  ],
  ['$/action', protocol.programActionParamsSchema, { name: 'a b' }, [{ name: 1 }, { more: 1 }]],
  [
    '$/load error',
    protocol.programErrorSchema,
    { file: 'methods', kind: 'syntax', stack: 'x' },
    [{ kind: 'other' }, { stack: 1 }, { file: 'other' }],
  ],
  [
    'observe',
    protocol.observeResultSchema,
    observation,
    [{ statuses: [{ pid: 1 }] }, { cgroup: { a: 1 } }, { limits: undefined }],
  ],
  ['empty', protocol.emptyResultSchema, {}, [{ a: 1 }]],
  [
    'fs error',
    protocol.fileErrorSchema,
    { errno: 'ENOENT', syscall: 'open', path: '/x' },
    [{ syscall: 'a b' }, { path: 1 }, { errno: 'ok' }],
  ],
  [
    'fs.stat',
    protocol.fileStatResultSchema,
    stat,
    [{ type: 'dir' }, { size: -1 }, { size: Infinity }, { mode: 2 ** 32 }, { mtimeMs: 'x' }],
  ],
  [
    'fs.mkdir',
    protocol.fileMkdirParamsSchema,
    { path: '/a', recursive: true, mode: 0o755 },
    [{ path: '' }, { path: '/\0' }, { mode: 0o10000 }, { recursive: 1 }],
  ],
  ['fs.readFile', protocol.fileReadResultSchema, { size: 3 }, [{ size: -1 }]],
  [
    'a transfer',
    protocol.transferResultSchema,
    { entries: 1, bytes: 2, skipped: 0 },
    [{ entries: -1 }, { bytes: 0.5 }, { skipped: 'x' }],
  ],
]

describe.each(cases)('%s', (_name, schema, valid, changes) => {
  test('a valid value passes unchanged', () => {
    expect(schema.safeParse(valid)).toMatchObject({ success: true, data: valid })
  })

  test.each(changes)('with %j it is refused', (change) => {
    expect(schema.safeParse({ ...valid, ...change }).success).toBe(false)
  })

  test('without any one member it is refused, unless that has a default', () => {
    for (const key of Object.keys(valid)) {
      const { [key]: _removed, ...rest } = valid
      const mayBeMissing = ['mode', 'skipped'].includes(key) && schema !== protocol.fileStatResultSchema
      expect([key, schema.safeParse(rest).success]).toEqual([key, mayBeMissing])
    }
  })
})

describe('a name in fs.readdir', () => {
  const parse = (name: string): boolean =>
    protocol.fileReaddirResultSchema.safeParse({ entries: [{ name, type: 'file' }] }).success

  test.each(['a', '.a', '..a', '...', 'a b\n', '世界', '-rf', 'x'.repeat(255)])('%j is one', (name) => {
    expect(parse(name)).toBe(true)
  })

  test.each(['', '.', '..', 'a/b', '/', '../x', 'a\0', 'x'.repeat(256)])('%j is none: the host may join it', (name) => {
    expect(parse(name)).toBe(false)
  })
})

test('describeIssue shows where, never what, and escapes keys of the data', () => {
  const parsed = protocol.observeResultSchema.safeParse({
    ...observation,
    cgroup: { ['\u001b[2J' + 'k'.repeat(500)]: 1 },
  })
  const text = protocol.describeIssue(parsed.error as Parameters<typeof protocol.describeIssue>[0])
  expect(text).toMatch(/^cgroup\.\\u001b\[2Jk+…: invalid_type$/)
  expect(text.length).toBeLessThan(150)
})
