import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, describe, expect, test } from 'vitest'
import { cliPath, runCli } from '../helpers/cli.js'

const folder = mkdtempSync(join(tmpdir(), 'cli-trace-'))
afterAll(() => rmSync(folder, { recursive: true }))

const path = (name: string): string => join(folder, name)
const sh = (script: string): string[] => ['--', 'sh', '-c', script]
const trace = (...args: string[]) => runCli(['trace', ...args])

/** Allows the base and the scratch, so that /etc/hostname is what breaks it. */
const policy = path('policy.json')
writeFileSync(
  policy,
  JSON.stringify({ read: ['@runtime', '@devices', '@programs', '/usr/lib', '/lib', '/etc/[l]d.so.*'] }),
)
const breaks = sh('read name </etc/hostname; sleep 30')

test('has help of its own, with examples', async () => {
  const { code, stdout } = await trace('--help')
  expect(code).toBe(0)
  expect(stdout).toContain('Usage: container-sandbox trace')
  for (const word of ['--policy', '--learn', '--report', '--on-violation', 'Exit codes']) expect(stdout).toContain(word)
})

describe('without a policy', () => {
  test('it is run: streams and code are those of the command, and a summary follows', async () => {
    const { code, stdout, stderr } = await trace(...sh('echo out; echo err >&2; echo x >/tmp/made; exit 3'))
    expect({ code, stdout }).toEqual({ code: 3, stdout: 'out\n' })
    expect(stderr).toMatch(/^err\ncontainer-sandbox: traced 1 process, \d+ events\n/)
    expect(stderr).toMatch(/^ {2}created +1 name$/m)
    expect(stderr).toMatch(/^ {2}programs +\/usr\/bin\/sh$/m)
    expect(stderr).not.toContain('not allowed')
  })

  test('--events tells each', async () => {
    const { stderr } = await trace('--events', ...sh('cat /etc/hostname; rm -f /etc/hostname'))
    expect(stderr).toMatch(/^ +\d+\.\d{3} +\d+ exec +\/usr\/bin\/cat$/m)
    expect(stderr).toMatch(/^ +\d+\.\d{3} +\d+ read +\/etc\/hostname$/m)
    expect(stderr).toMatch(/^ +\d+\.\d{3} +\d+ remove +\/etc\/hostname → EROFS$/m)
    expect(stderr).not.toContain('\u001b')
  })

  test('a command that is not there', async () => {
    const { code, stderr } = await trace('--', 'no-such-command')
    expect(code).toBe(127)
    expect(stderr).toContain('traced')
  })

  test('a name made to move a terminal moves none', async () => {
    const { stderr } = await trace('--events', ...sh('touch "$(printf "/tmp/\\033[31m\\nforged\\377")"'))
    expect(stderr).toContain(String.raw`/tmp/\u001b[31m\nforged\xff`)
    expect(stderr).not.toContain('\u001b')
  })
})

describe('with a policy', () => {
  test('the command is ended, and told is what for', async () => {
    const begun = performance.now()
    const { code, stderr } = await trace('--policy', policy, ...breaks)
    expect(code).toBe(137)
    expect(performance.now() - begun).toBeLessThan(25_000)
    expect(stderr).toMatch(/^ +\d+\.\d{3} +\d+ read +\/etc\/hostname {2}not allowed$/m)
    expect(stderr).toMatch(/the trace policy does not allow to read \/etc\/hostname \(openat, process \d+\)/)
    expect(stderr).toMatch(/^ {2}not allowed +1 access: read \/etc\/hostname$/m)
  })

  test('or goes on, where that is asked for', async () => {
    const reports = ['--policy', policy, '--on-violation', 'report', ...sh('read name </etc/hostname; echo on')]
    const { code, stdout, stderr } = await trace(...reports)
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'on\n' })
    expect(stderr).toMatch(/read +\/etc\/hostname {2}not allowed/)
  })

  test('and without the access nothing is said', async () => {
    const { code, stderr } = await trace('--policy', policy, '--', 'true')
    expect(code).toBe(0)
    expect(stderr).not.toContain('not allowed')
  })

  test('--json prints one document, and stderr stays empty', async () => {
    const { code, stdout, stderr } = await trace('--json', '--policy', policy, ...breaks)
    expect({ code, stderr }).toEqual({ code: 137, stderr: '' })
    expect(JSON.parse(stdout)).toMatchObject({
      outcome: 'jailbreak',
      error: { code: 'ERR_SANDBOX_EXITED', details: { reason: 'jailbreak' } },
      trace: {
        counts: { violations: 1 },
        violations: [{ mode: 'read', path: '/etc/hostname', allowed: false, errno: null }],
      },
    })
  })
})

describe('learning', () => {
  test('a policy from one run lets the same run pass, and no other; a second run adds to it', async () => {
    const learned = path('learned.json')
    const same = sh('cat /etc/hostname')
    const other = sh('cat /etc/hostname; head -c 1 /etc/group >/dev/null; sleep 30')
    expect(await trace('--learn', learned, ...same)).toMatchObject({ code: 0 })
    expect(await trace('--policy', learned, ...same)).toMatchObject({ code: 0 })
    expect(await trace('--policy', learned, ...other)).toMatchObject({ code: 137 })
    const more = sh('cat /etc/hostname; head -c 1 /etc/group >/dev/null; sleep 0')
    expect(await trace('--learn', learned, ...more)).toMatchObject({ code: 0 })
    expect(await trace('--policy', learned, ...more)).toMatchObject({ code: 0 })
    expect(await trace('--policy', learned, ...same)).toMatchObject({ code: 0 })
  })

  test('a seccomp profile with fewer calls than ours', async () => {
    const profile = path('seccomp.json')
    expect(await trace('--learn-seccomp', profile, '--', 'true')).toMatchObject({ code: 0 })
    const { syscalls } = JSON.parse(readFileSync(profile, 'utf8')) as { syscalls: { names: string[] }[] }
    const names = syscalls.flatMap((rule) => rule.names)
    expect(names).toContain('execve')
    expect(names).not.toContain('mincore')
  })
})

describe('files', () => {
  test('a report and a log', async () => {
    const [report, log] = [path('report.html'), path('log.ndjson')]
    expect(await trace('--report', report, '--log', log, ...sh('cat /etc/hostname'))).toMatchObject({ code: 0 })
    const page = readFileSync(report, 'utf8')
    expect(page).toContain('<!doctype html>')
    expect(page).toContain('<code>hostname</code>')
    const events = readFileSync(log, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { kind: string; path?: string })
    expect(events[0]).toMatchObject({ kind: 'trace', version: 1 })
    expect(events.some(({ kind, path }) => kind === 'access' && path === '/etc/hostname')).toBe(true)
  })

  test.each([
    ['a folder that is not there', ['--report', '/no/such/folder/x.html'], /\/no\/such\/folder/],
    ['a policy that is none', ['--policy', '/etc/hostname'], /policy file/],
    ['a log that is there already', ['--log', policy], /EEXIST/],
  ])('%s: nothing is run', async (_name, flags, message) => {
    const { code, stdout, stderr } = await trace(...flags, '--', 'echo', 'ran')
    expect({ code, stdout }).toEqual({ code: 125, stdout: '' })
    expect(stderr).toMatch(message)
    expect(stderr).not.toContain('    at ')
  })

  test('a policy that cannot be joined with what was learned is left as it was', async () => {
    const broken = path('broken.json')
    writeFileSync(broken, 'mine')
    expect(await trace('--learn', broken, '--', 'true')).toMatchObject({ code: 125 })
    expect(readFileSync(broken, 'utf8')).toBe('mine')
  })
})

describe('on a terminal', () => {
  /** script(1) of util-linux gives the command a terminal of its own. */
  async function onTerminal(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
    const line = [process.execPath, cliPath, 'trace', ...args].map((word) => `'${word}'`).join(' ')
    const child = spawn('script', ['-qec', line, '/dev/null'], { env: { ...process.env, TERM: 'xterm', ...env } })
    child.stdin.end()
    const [output] = await Promise.all([text(child.stdout), once(child, 'close')])
    return output
  }
  const report = ['--policy', policy, '--on-violation', 'report']
  const reads = ['--', 'cat', '/etc/hostname']

  test('events come without being asked for, violations in red', async () => {
    const output = await onTerminal([...report, ...reads])
    expect(output).toMatch(/exec +\/usr\/bin\/cat/)
    expect(output).toContain('\u001b[1;31mread     /etc/hostname  not allowed')
  })

  test.each([
    ['--no-color', ['--no-color'], {}],
    ['NO_COLOR', [], { NO_COLOR: '1' }],
  ])('%s', async (_name, flags, env) => {
    const output = await onTerminal([...report, ...flags, ...reads], env)
    expect(output).toContain('read     /etc/hostname  not allowed')
    expect(output).not.toContain('\u001b[')
  })

  test('--quiet tells violations alone, and the summary', async () => {
    const output = await onTerminal(['--quiet', ...report, ...reads])
    expect(output).toContain('/etc/hostname  not allowed')
    expect(output).toContain('traced 1 process')
    expect(output).not.toMatch(/exec +\/usr\/bin\/cat/)
  })
})
