import { execFileSync } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { expect, test, vi } from 'vitest'
import { runHostCommand, startHostCommand } from '../../../src/runner/host-command.js'
import { rejection } from '../../helpers/sandboxes.js'

const sh = (script: string) => ({ file: '/bin/sh', args: ['-c', script], timeoutMs: 10_000 })

/** One that has ended and was not waited for yet has no command line. */
const ended = (pid: number) =>
  vi.waitFor(() => expect(existsSync(`/proc/${pid}`) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8') : '').toBe(''), {
    timeout: 10_000,
  })

test('a command has nothing of the environment, and its end is told', async () => {
  process.env['CANARY'] = 'x'
  const end = await runHostCommand({ ...sh('echo "$CANARY$WORD"; pwd; echo no >&2; exit 3'), env: { WORD: 'y' } })
  expect(end).toMatchObject({ code: 3, signal: null, stderr: 'no\n', timedOut: false })
  expect(end.stdout.toString()).toBe('y\n/\n')
})

test('of a long complaint whole lines are kept, and of a line without end nothing', async () => {
  const lines = await runHostCommand(sh('i=0; while [ $i -lt 3000 ]; do echo "line $i of many" >&2; i=$((i+1)); done'))
  expect(lines.stderr.length).toBeLessThanOrEqual(16 * 1024)
  expect(lines.stderr).toMatch(/^(line \d+ of many\n)+$/)
  expect(lines.stderr).toContain('line 2999 of many')
  const endless = await runHostCommand(sh('head -c 1000000 /dev/zero | tr "\\0" x >&2'))
  expect(endless.stderr).toBe('')
  const after = await runHostCommand(sh('(head -c 1000000 /dev/zero | tr "\\0" x; echo; echo last) >&2'))
  expect(after.stderr).toBe('last\n')
})

test('it ends at its deadline and with its signal, children and all', async () => {
  expect(await runHostCommand({ ...sh('sleep 60 & sleep 60'), timeoutMs: 50 })).toMatchObject({
    signal: 'SIGKILL',
    timedOut: true,
  })
  const stop = new AbortController()
  const reason = new Error('enough')
  const child = startHostCommand({ ...sh('sleep 60 & echo $!; sleep 60'), signal: stop.signal })
  const pid = await new Promise<number>((resolve) => child.stdout.once('data', (line: Buffer) => resolve(Number(line))))
  stop.abort(reason)
  expect(await rejection(child.ended)).toBe(reason)
  await ended(pid)
  expect(() => startHostCommand({ ...sh('exit'), signal: stop.signal })).toThrow(reason)
})

test('it ends although a child of it goes on, also one that has left its group', async () => {
  const { code, stdout } = await runHostCommand(sh('sleep 60 & echo $!'))
  expect(code).toBe(0)
  await ended(Number(stdout.toString()))
  const stop = new AbortController()
  const far = startHostCommand({ ...sh('setsid sleep 30 & sleep 0.2'), signal: stop.signal })
  setTimeout(() => stop.abort(new Error('enough')), 300)
  const begin = performance.now()
  expect(await rejection(far.ended)).toMatchObject({ message: 'enough' })
  expect(performance.now() - begin).toBeLessThan(20_000)
})

test('a command that is not there, or says too much, is an error', async () => {
  expect(await rejection(runHostCommand({ file: '/nowhere', args: [] }))).toMatchObject({ code: 'ENOENT' })
  expect(await rejection(runHostCommand(sh('cat /dev/zero')))).toBeInstanceOf(Error)
})

test('where no descriptor is free it is an error as any other', async () => {
  const setLimit = (limit: string) => execFileSync('prlimit', ['--pid', String(process.pid), `--nofile=${limit}:`])
  const [, limit = ''] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
  setLimit('256')
  const taken: number[] = []
  let started
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'))
  } catch {
    started = rejection(runHostCommand(sh('true')))
  } finally {
    for (const descriptor of taken) closeSync(descriptor)
    setLimit(limit)
  }
  expect(await started).toMatchObject({ name: 'HostFileError', code: 'EMFILE' })
  expect((await runHostCommand(sh('true'))).code).toBe(0)
})
