/** What the real strace of this host writes, from programs that try to confuse its reader. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readList, readString, readStruct, type TraceRecord } from '../../../../src/trace/strace/index.js'
import { callsOf, compileProgram, readLog, traceProgram } from './reading.js'

const programs = join(import.meta.dirname, 'programs')
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strace-programs-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

const unknownOf = (records: readonly TraceRecord[]) => records.filter(({ kind }) => kind === 'unknown')

test('a program that is executed by a thread, 200 times in a row, keeps its id and loses no call', async () => {
  const program = await compileProgram('threaded-execve.c', folder, ['-pthread'])
  const records = readLog(await traceProgram(['-e', 'trace=access,execve'], [program, '200']))
  expect(unknownOf(records)).toEqual([])
  const superseded = records.filter((record) => record.kind === 'superseded')
  expect(superseded).toHaveLength(200)
  const execs = callsOf(records, 'execve')
  expect(execs.map(({ args }) => readList(args[1] ?? '')?.items.map((item) => readString(item)?.value))).toEqual(
    Array.from({ length: 201 }, (_, index) => [program, `${200 - index}`]),
  )
  expect(new Set(execs.map(({ pid }) => pid))).toEqual(new Set([superseded[0]?.pid]))
  expect(execs.every(({ result }) => result.value === 0)).toBe(true)
})

test('calls by the numbers of 32-bit programs are read, and the change is noted', async () => {
  const program = await compileProgram('exit32.S', folder, ['-m32', '-nostdlib', '-static'])
  const records = readLog(await traceProgram([], ['/bin/sh', '-c', `${program}; exit 7`]))
  expect(unknownOf(records)).toEqual([])
  expect(records.filter(({ kind }) => kind === 'note')).toEqual([
    expect.objectContaining({
      text: expect.stringMatching(/^\[ Process PID=\d+ runs in 32 bit mode\. \]$/) as unknown,
    }),
  ])
  expect(
    callsOf(records, 'access').map(({ args, result }) => [readString(args[0] ?? '')?.value, result.errno]),
  ).toContainEqual(['/<32>', 'ENOENT'])
  expect(records.at(-1)).toMatchObject({ kind: 'exit', exitCode: 7 })
})

test('call signs of AX.25 with quotes and brackets spoil no line', async () => {
  const signs = ['<"\'{[(', '") = 0', 'A" ...', '(((<<<', '>)]}>)', "''''''", '"""""A', '\\\\\\\\\\\\']
  const records = readLog(await traceProgram(['-e', 'trace=connect'], ['perl', join(programs, 'ax25.pl'), ...signs]))
  expect(unknownOf(records)).toEqual([])
  const calls = callsOf(records, 'connect')
  expect(calls.map(({ args }) => [args.length, readStruct(args[1] ?? '')?.get('sa_family')])).toEqual(
    signs.map(() => [3, 'AF_AX25']),
  )
  expect(calls.some(({ args }) => args[1]?.includes(signs[0] ?? ''))).toBe(true)
})

test('signals, a kill in a call, a fork, a wait', async () => {
  // The child is killed when it sleeps (S) in pause, which is call 34.
  const script = `use POSIX; my $p = fork; if (!$p) { pause(); exit }
    sub text { local (@ARGV, $/) = ("/proc/$p/$_[0]"); <> }
    select undef, undef, undef, 0.05 until text('stat') =~ /\\) S/ && text('syscall') =~ /^34 /;
    kill 9, $p; waitpid $p, 0; kill TERM => $$; sleep 5`
  const records = readLog(await traceProgram(['-e', 'signal=!SIGCHLD'], ['perl', '-e', script]))
  expect(unknownOf(records)).toEqual([])
  expect(callsOf(records, 'pause')).toMatchObject([{ result: { value: null } }])
  const child = callsOf(records, 'pause')[0]?.pid
  expect(callsOf(records, 'clone')).toMatchObject([{ result: { value: child } }])
  expect(records.filter(({ kind }) => kind === 'exit' || kind === 'signal')).toMatchObject([
    { kind: 'exit', pid: child, signal: 'SIGKILL' },
    { kind: 'signal', signal: 'SIGTERM' },
    { kind: 'exit', signal: 'SIGTERM' },
  ])
})

test('whatever node does is understood', async () => {
  const script = `const { Worker } = require('node:worker_threads')
    new Worker("require('fs').readdirSync('/etc'); require('child_process').execSync('true')", { eval: true })
    require('net').connect(1, '::1').on('error', () => {}); fetch('http://127.0.0.1:1').catch(() => {})`
  const records = readLog(await traceProgram([], [process.execPath, '-e', script]))
  expect(unknownOf(records)).toEqual([])
  expect(callsOf(records).length).toBeGreaterThan(500)
})
