import { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import {
  addRunOptions,
  buildSandboxOptions,
  FLAG_OF_OPTION,
  parseMount,
  type RunFlags,
} from '../../../src/cli/run-flags.js'
import { addUsersOptions } from '../../../src/cli/users-flags.js'
import { parseSandboxOptions } from '../../../src/options/index.js'

function parse(...words: string[]): RunFlags {
  const command = addRunOptions(new Command('run'))
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
  return command.parse(words, { from: 'user' }).opts()
}

test("without flags every default is the library's", () => {
  expect(buildSandboxOptions(parse())).toEqual({ limits: {} })
})

test('each flag reaches its option', () => {
  const flags = parse(
    ...[
      '--user',
      'alice',
      '--home',
      '/h',
      '--state-dir',
      '/state',
      '--base',
      'debian:12',
      '-m',
      '1GiB',
      '--cpus',
      '0.5',
      '--pids',
      '64',
    ],
    ...[
      '--open-files',
      '128',
      '--scratch',
      '8MiB',
      '--shm',
      '1MiB',
      '--output',
      '64KiB',
      '--cpu-time',
      '5s',
      '--lifetime',
      '1m',
    ],
    ...[
      '-e',
      'A=1',
      '--env',
      'B=x=y',
      '--mount',
      '/s:/t',
      '--mount',
      '/u:/v:rw',
      '--writable',
      '/w',
      '--writable',
      '/x',
    ],
    ...['--label', 'team=a', '--network', 'lan', '--runtime', 'runsc', '--cwd', '/w', '--timeout', '2s'],
  )
  expect(buildSandboxOptions(flags)).toEqual({
    user: { name: 'alice', home: '/h' },
    users: { stateDir: '/state' },
    base: 'debian:12',
    limits: {
      memoryBytes: '1GiB',
      cpuCount: 0.5,
      pids: 64,
      openFiles: 128,
      scratchBytes: '8MiB',
      shmBytes: '1MiB',
      outputBytes: '64KiB',
      cpuTimeMs: 5_000,
      lifetimeMs: 60_000,
    },
    env: { A: '1', B: 'x=y' },
    mounts: [
      { source: '/s', target: '/t', writable: false },
      { source: '/u', target: '/v', writable: true },
    ],
    writable: ['/w', '/x'],
    labels: { team: 'a' },
    network: 'lan',
    runtime: 'runsc',
  })
  expect(flags).toMatchObject({ cwd: '/w', timeout: 2_000 })
})

test('what the flags make is what the library takes', () => {
  const options = buildSandboxOptions(parse('--user', 'bob', '-m', '128MiB', '--mount', 'src:/src', '--env', 'A='))
  expect(parseSandboxOptions(options)).toMatchObject({
    user: { name: 'bob' },
    limits: { memoryBytes: 128 * 1024 ** 2 },
    mounts: [{ source: `${process.cwd()}/src`, target: '/src', writable: false }],
    env: { A: '' },
  })
})

test("a name without a value takes this shell's, and only then", () => {
  process.env.CLI_TEST_VARIABLE = 'here'
  try {
    expect(parse('--env', 'CLI_TEST_VARIABLE').env).toEqual([['CLI_TEST_VARIABLE', 'here']])
  } finally {
    delete process.env.CLI_TEST_VARIABLE
  }
  expect(() => parse('--env', 'CLI_TEST_VARIABLE')).toThrow(/not set in this shell/)
})

test.each([
  ['--cpus', 'many'],
  ['--cpus', ''],
  ['--pids', 'Infinity'],
  ['--timeout', '10'],
  ['--timeout', '0s'],
  ['--lifetime', '-1s'],
  ['--env', '=x'],
  ['--label', 'x'],
  ['--mount', '/only'],
  ['--mount', '/a:/b:rwx'],
  ['--mount', ':/b'],
  ['--no-such-flag', 'x'],
])('refuses %s %j', (flag, value) => {
  expect(() => parse(flag, value)).toThrow()
})

describe('parseMount', () => {
  test.each([
    ['a:/b', { source: '/base/a', target: '/b', writable: false }],
    ['/a:/b:ro', { source: '/a', target: '/b', writable: false }],
    ['./a/../c:/b:rw', { source: '/base/c', target: '/b', writable: true }],
  ])('%s', (text, mount) => {
    expect(parseMount(text, '/base')).toEqual(mount)
  })
})

test('every flag that is named in messages exists', () => {
  const commands = [addRunOptions(new Command('run')), addUsersOptions(new Command('list'))]
  const known = commands.flatMap(({ options }) => options.map(({ long }) => long))
  expect(known).toEqual(expect.arrayContaining(Object.values(FLAG_OF_OPTION)))
})
