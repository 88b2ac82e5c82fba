import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildTracer } from '../../helpers/init-build.js'

let folder: string
let tracer: string
beforeAll(async () => {
  tracer = await buildTracer()
  folder = await mkdtemp(join(tmpdir(), 'tracer-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** A shell script in the place of strace. It writes its lines to where it is told to, as strace does. */
async function fake(script: string): Promise<string> {
  const path = join(folder, 'strace')
  await writeFile(path, `#!/bin/sh\nPATH=/usr/bin:/bin\n${script}\n`)
  await chmod(path, 0o755)
  return path
}

function start(argv: readonly string[], before: readonly string[] = []) {
  const [file = '', ...args] = [...before, tracer, ...argv]
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const found = { lines: '', words: '' }
  child.stdout.setEncoding('latin1')
  child.stderr.setEncoding('latin1').on('data', (text: string) => (found.words += text))
  const read = () => child.stdout.on('data', (text: string) => (found.lines += text))
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  return { child, found, read, ended }
}

/** An orphan may stay a zombie for as long as this machine's first process likes. */
function isAlive(pid: string): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

async function run(argv: readonly string[]) {
  const { found, read, ended } = start(argv)
  read()
  return { code: await ended, ...found }
}

describe('what strace prints', () => {
  test('is forwarded whole, and its arguments say where to', async () => {
    const strace = await fake('echo "$@" >"$2"; seq 100000 >"$2"; printf "no end" >"$2"')
    const { code, lines, words } = await run(['--', strace, '-f', '-p', '1'])
    expect([code, words]).toEqual([0, ''])
    const numbers = Array.from({ length: 100_000 }, (_, index) => `${index + 1}\n`).join('')
    expect(lines).toBe(`-o /proc/self/fd/1 -f -p 1\n${numbers}no end`)
  })

  test('waits for a host that does not read, and is whole then', async () => {
    const strace = await fake('seq 1000000; echo >&2 written')
    const { child, found, read, ended } = start(['--', strace])
    await delay(500)
    expect(found.words).toBe('')
    expect(child.exitCode).toBeNull()
    read()
    expect(await ended).toBe(0)
    expect([found.words, found.lines.length, found.lines.endsWith('\n1000000\n')]).toEqual([
      'written\n',
      6_888_896,
      true,
    ])
  })

  test('is gathered: many small writes of strace become few', async () => {
    const strace = await fake('i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo $i; done')
    const log = join(folder, 'writes')
    const { read, ended } = start(['--', strace], ['strace', '-o', log, '-e', 'trace=write'])
    read()
    expect(await ended).toBe(0)
    const writes = readFileSync(log, 'utf8').match(/^write\(1,/gm)?.length
    expect(writes).toBeGreaterThan(0)
    expect(writes).toBeLessThan(1_500)
  })
})

describe('what strace says', () => {
  test.each<readonly [string, string]>([
    ['strace: Process 17 attached', ''],
    ['strace: Process 17 attached with 3 threads', ''],
    ['strace: --seccomp-bpf is not enabled for processes attached with -p', ''],
    ...[
      'strace: Process 17 attached with 3 threads and more',
      'strace: Process  attached',
      'strace: Process 17 detached',
      'strace: attach: ptrace(PTRACE_SEIZE, 1): Operation not permitted',
      'something',
      '',
      'x'.repeat(10_000),
    ].map((line) => [line, `${line}\n`] as const),
  ])('%j is told as %j', async (line, told) => {
    expect((await run(['--', await fake(`echo '${line}' >&2`)])).words).toBe(told)
  })

  test('without an end of line is told too', async () => {
    expect((await run(['--', await fake('printf "half a w" >&2; sleep 0.1; printf ord >&2')])).words).toBe(
      'half a word',
    )
  })

  test('of PID 1 is believed only when the kernel says the same', async () => {
    const { code, words } = await run(['--', await fake('echo "strace: Process 1 attached" >&2; sleep 60')])
    expect(words).toMatch(/^tracer: thread \d+ of PID 1 has the tracer 0 instead of \d+\n$/)
    expect(code).toBe(125)
  })
})

describe('the end', () => {
  test.each([
    ['exit 3', 3],
    ['kill -9 $$', 137],
    ['kill -TERM $$', 143],
  ])('is that of strace: %s', async (script, code) => {
    expect(await run(['--', await fake(`echo last; ${script}`)])).toEqual({ code, lines: 'last\n', words: '' })
  })

  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGKILL', null],
  ] as const)('by %s takes strace along', async (signal, code) => {
    const { child, found, read, ended } = start(['--', await fake('echo $$; exec sleep 60')])
    read()
    await expect.poll(() => found.lines, { interval: 5 }).toMatch(/^\d+\n$/)
    child.kill(signal)
    expect(await ended).toBe(code)
    await expect.poll(() => isAlive(found.lines.trim()), { interval: 5 }).toBe(false)
  })

  test('a host that is gone ends both', async () => {
    const { child, ended } = start(['--', await fake('while :; do echo line; sleep 0.01; done')])
    child.stdout.destroy()
    expect(await ended).toBe(125)
  })

  test('without strace says so', async () => {
    const { code, words } = await run(['--', '/nowhere/strace'])
    expect([code, words]).toEqual([127, 'tracer: cannot start /nowhere/strace: No such file or directory\n'])
  })

  test.each([
    [[]],
    [['--']],
    [['--pin-to', '--', '/bin/true']],
    [['--pin-to', '0', '--', '/bin/true']],
    [['/bin/true']],
  ])('with arguments %j is at once', async (argv) => {
    const { code, words } = await run(argv)
    expect(code).toBe(125)
    expect(words).toMatch(/^tracer: (usage|--pin-to takes)/)
  })
})

test('--pin-to runs strace where that process runs, once it keeps to one CPU', async () => {
  const pinned = spawn('taskset', ['-c', '0', 'sleep', '60'], { stdio: 'ignore' })
  try {
    const strace = await fake('grep Cpus_allowed_list /proc/self/status')
    expect((await run(['--pin-to', `${pinned.pid}`, '--', strace])).lines).toBe('Cpus_allowed_list:\t0\n')
  } finally {
    pinned.kill('SIGKILL')
  }
})
