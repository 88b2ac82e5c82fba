import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { finishCli, runCli, startCli, waitForOutput } from '../helpers/cli.js'

const folder = mkdtempSync(join(tmpdir(), 'cli-run-'))
const home = join(folder, 'home')

beforeAll(() => {
  mkdirSync(home)
  writeFileSync(join(home, 'hello.sh'), '#!/bin/sh\necho "hello from $(pwd)"\n', { mode: 0o755 })
  writeFileSync(join(home, 'data.txt'), 'not a program\n', { mode: 0o644 })
  chmodSync(folder, 0o755)
})
afterAll(() => rmSync(folder, { recursive: true }))

const sh = (script: string): string[] => ['--', 'sh', '-c', script]

describe('exit codes', () => {
  const table: readonly [name: string, args: readonly string[], code: number][] = [
    ['success', ['--', 'true'], 0],
    ['failure', ['--', 'false'], 1],
    ['its own code', sh('exit 42'), 42],
    ['its own 125', sh('exit 125'), 125],
    ['a signal of its own', sh('kill -TERM $$'), 143],
    ['SIGKILL of its own', sh('kill -KILL $$'), 137],
    ['not there', ['--', 'no-such-command'], 127],
    ['a path that is not there', ['--', '/no/such/command'], 127],
    ['not executable', ['--home', home, '--', '/data.txt'], 126],
    ['a folder', ['--', '/tmp'], 126],
    ['wall time', ['--timeout', '300ms', '--', 'sleep', '30'], 124],
    ['wall time, and SIGTERM ignored', ['--timeout', '300ms', ...sh('trap "" TERM; while :; do sleep 1; done')], 124],
    ['CPU time', ['--cpu-time', '300ms', ...sh('while :; do :; done')], 137],
    ['memory', ['--memory', '256MiB', '--', 'tail', '/dev/zero'], 137],
    ['the lifetime of the sandbox', ['--lifetime', '4s', '--', 'sleep', '30'], 124],
  ]

  test.each(table)('%s', async (_name, args, code) => {
    expect(await runCli(['run', ...args])).toMatchObject({ code, signal: null })
  })

  test('what a user could not tell from the code is said', async () => {
    const { stderr } = await runCli(['run', '--timeout', '200ms', '--', 'sleep', '30'])
    expect(stderr).toBe('container-sandbox: the command was ended: it ran longer than --timeout\n')
  })
})

describe('the streams of the guest are the streams of the process', () => {
  test('stdout and stderr stay apart and are not changed', async () => {
    const { stdout, stderr } = await runCli(['run', ...sh('printf "out\\033[1m\\n"; printf "err\\001" >&2')])
    expect({ stdout, stderr }).toEqual({ stdout: 'out\u001b[1m\n', stderr: 'err\u0001' })
  })

  test('stdin reaches the command, and so does its end', async () => {
    const input = 'line\n'.repeat(50_000)
    const { code, stdout } = await runCli(['run', '--', 'wc', '-c'], { input })
    expect({ code, stdout: stdout.trim() }).toEqual({ code: 0, stdout: String(input.length) })
  })

  test('a command that does not read its stdin does not wait for it', async () => {
    const child = startCli(['run', '--', 'true'])
    expect(await finishCli(child)).toMatchObject({ code: 0 })
  })

  test('output comes while the command runs, and answers to it reach it', async () => {
    const child = startCli(['run', ...sh('echo ready; read answer; echo "got $answer"')])
    await waitForOutput(child, 'ready\n')
    child.stdin.write('yes\n')
    expect(await finishCli(child)).toMatchObject({ code: 0, stdout: 'got yes\n' })
  })

  test('more output than any limit of a result goes through', async () => {
    const { code, stdout } = await runCli(['run', ...sh('head -c 5000000 /dev/zero | tr "\\0" x')])
    expect({ code, length: stdout.length }).toEqual({ code: 0, length: 5_000_000 })
  })

  test('a reader that goes away ends a command that writes for ever', async () => {
    const child = startCli(['run', '--', 'yes'])
    await waitForOutput(child, 'y\ny\n')
    child.stdout.destroy()
    const exit = once(child, 'exit') as Promise<[number | null]>
    const [[code], stderr] = await Promise.all([exit, text(child.stderr)])
    expect({ code, stderr }).toEqual({ code: 141, stderr: '' })
  })
})

describe('flags', () => {
  test('the environment holds what was asked for and nothing of the host', async () => {
    const env = { FROM_SHELL: 'shell', SECRET: 'host' }
    const { stdout } = await runCli(['run', '-e', 'A=1', '--env', 'FROM_SHELL', '--', 'env'], { env })
    expect(stdout).toMatch(/^A=1$/m)
    expect(stdout).toMatch(/^FROM_SHELL=shell$/m)
    expect(stdout).not.toContain('SECRET')
  })

  test('a home is the root, and the command starts where it is told', async () => {
    expect(await runCli(['run', '--home', home, '--', '/hello.sh'])).toMatchObject({
      code: 0,
      stdout: 'hello from /\n',
    })
    expect(await runCli(['run', '--home', home, '--cwd', '/tmp', '--', '/hello.sh'])).toMatchObject({
      stdout: 'hello from /tmp\n',
    })
  })

  test('mounts are read-only unless asked otherwise', async () => {
    const shared = join(folder, 'shared')
    mkdirSync(shared)
    chmodSync(shared, 0o777)
    const touch = (mount: string) => runCli(['run', '--mount', mount, ...sh('touch /shared/x && echo written')])
    expect(await touch(`${shared}:/shared`)).toMatchObject({ code: 1, stdout: '' })
    expect(await touch(`${shared}:/shared:rw`)).toMatchObject({ code: 0, stdout: 'written\n' })
  })

  test('scratch is where it was asked for, of the size that was asked for', async () => {
    const fill = 'head -c 400000 /dev/zero >/work/x; echo $?'
    const { stdout } = await runCli(['run', '--writable', '/work', '--scratch', '256KiB', ...sh(fill)])
    expect(stdout).toBe('1\n')
    expect(await runCli(['run', '--writable', '/work', '--scratch', '1MiB', ...sh(fill)])).toMatchObject({
      stdout: '0\n',
    })
  })

  test('a name is one uid for ever', async () => {
    const id = async () =>
      (await runCli(['run', '--state-dir', join(folder, 'state'), '--user', 'alice', '--', 'id', '-u'])).stdout
    const first = await id()
    expect(first).toMatch(/^\d+\n$/)
    expect(await id()).toBe(first)
  })

  test("flags behind the command are the command's", async () => {
    expect(await runCli(['run', 'echo', '--json', '-m'])).toMatchObject({ code: 0, stdout: '--json -m\n' })
  })
})

describe('--json', () => {
  test('prints the result', async () => {
    const { code, stdout, stderr } = await runCli(['run', '--json', ...sh('read x; echo "$x"; echo err >&2; exit 3')], {
      input: 'in\n',
    })
    expect({ code, stderr }).toEqual({ code: 3, stderr: '' })
    expect(JSON.parse(stdout)).toEqual({
      exitCode: 3,
      signal: null,
      outcome: 'exited',
      stdout: 'in\n',
      stderr: 'err\n',
      stdoutTruncated: false,
      stderrTruncated: false,
      durationMs: expect.any(Number) as number,
      usage: { cpuMs: expect.any(Number) as number, maxRssBytes: expect.any(Number) as number, leftovers: 0 },
      error: null,
    })
  })

  test.each([
    ['a timeout', ['--timeout', '300ms', '--', 'sleep', '30'], { outcome: 'timeout' }, 124],
    [
      'too much output',
      ['--output', '1KiB', ...sh('head -c 4096 /dev/zero')],
      { outcome: 'outputLimit', stdoutTruncated: true },
      0,
    ],
    ['a missing command', ['--', 'no-such-command'], { outcome: 'exited', exitCode: 127 }, 127],
    [
      'the end of the sandbox',
      ['--lifetime', '4s', '--', 'sleep', '30'],
      { outcome: 'lost', error: { code: 'ERR_SANDBOX_EXITED' } },
      124,
    ],
  ])('%s', async (_name, args, result, code) => {
    const ended = await runCli(['run', '--json', ...args])
    expect(ended).toMatchObject({ code, stderr: '' })
    expect(JSON.parse(ended.stdout)).toMatchObject(result)
  })

  test('nothing of the guest reaches the terminal as it is', async () => {
    const { stdout } = await runCli(['run', '--json', ...sh('printf "\\033]0;owned\\007\\302\\233"')])
    expect(stdout).not.toMatch(/[\u001b\u0007\u009b]/)
    expect(JSON.parse(stdout)).toMatchObject({ stdout: '\u001b]0;owned\u0007\u009b' })
  })
})
