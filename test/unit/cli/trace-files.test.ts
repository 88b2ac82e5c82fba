import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readExistingText, readHostText, replaceHostFile } from '../../../src/cli/trace/host-files.js'
import { extendPolicy, extendSeccomp } from '../../../src/cli/trace/learned-files.js'
import { addTraceOptions, type TraceFlags } from '../../../src/cli/trace/trace-flags.js'
import { buildTraceRequest } from '../../../src/cli/trace/trace-request.js'
import { targetSeccompProfile } from '../../../src/policy/index.js'

let folder = ''
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'cli-trace-'))))
afterEach(() => rmSync(folder, { recursive: true }))

function request(...words: string[]) {
  const command = addTraceOptions(new Command('trace'))
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
  return buildTraceRequest(command.parse(words, { from: 'user' }).opts<TraceFlags>())
}

function file(name: string, content: unknown): string {
  const path = join(folder, name)
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

describe('what the flags ask for', () => {
  test('nothing: everything is told, and nothing judged', async () => {
    expect(await request()).toEqual({ trace: true, policy: null })
  })

  test('a policy kills, unless its file or a flag says otherwise', async () => {
    const strict = file('strict.json', { write: ['/tmp'] })
    const mild = file('mild.json', { write: ['/tmp'], onViolation: 'report' })
    const ask = async (...words: string[]) => (await request(...words)).trace
    expect(await ask('--policy', strict)).toEqual({ write: ['/tmp'], onViolation: 'kill' })
    expect(await ask('--policy', mild)).toEqual({ write: ['/tmp'], onViolation: 'report' })
    expect(await ask('--policy', mild, '--on-violation', 'kill')).toEqual({ write: ['/tmp'], onViolation: 'kill' })
  })

  test('an empty policy file judges by the default sets', async () => {
    expect(await request('--policy', file('empty.json', {}))).toEqual({
      trace: { onViolation: 'kill' },
      policy: { onViolation: 'kill' },
    })
  })

  test('a seccomp profile needs all calls', async () => {
    expect(await request('--learn-seccomp', 's.json')).toMatchObject({ trace: { calls: 'all' }, policy: null })
    await expect(request('--learn-seccomp', 's.json', '--calls', 'named')).rejects.toThrow(/needs --calls all/)
  })

  test('the log is an absolute path of this host', async () => {
    expect((await request('--log', 'x.ndjson')).trace).toEqual({ log: join(process.cwd(), 'x.ndjson') })
  })

  test.each([
    ['two outputs in one file', ['--learn', 'a', '--report', './a'], /--learn and --report name the same file/],
    ['a policy that is not there', ['--policy', '/no/such/policy.json'], /ENOENT.*policy\.json/],
    ['a policy that is a folder', ['--policy', '/tmp'], /plain file/],
    ['a word that is no action', ['--on-violation', 'pray'], /Allowed choices are kill, report/],
    ['quiet events', ['--quiet', '--events'], /cannot be used with/],
  ])('refuses %s', async (_name, words, message) => {
    await expect((async () => request(...words))()).rejects.toThrow(message)
  })

  test('refuses a policy with a word too many, and says where', async () => {
    const path = file('odd.json', { reed: ['/'] })
    await expect(request('--policy', path)).rejects.toThrow(/odd\.json[^]*reed/)
  })
})

describe('files of the host', () => {
  test('a file is replaced whole, with nothing left beside it, and is its owner alone', async () => {
    const path = file('report.html', 'old')
    await replaceHostFile(path, 'new')
    expect(readFileSync(path, 'utf8')).toBe('new')
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(readdirSync(folder)).toEqual(['report.html'])
  })

  test('a link is replaced, and what it leads to is left alone', async () => {
    const target = file('target', 'precious')
    const link = join(folder, 'link')
    symlinkSync(target, link)
    await replaceHostFile(link, 'new')
    expect([readFileSync(target, 'utf8'), readFileSync(link, 'utf8')]).toEqual(['precious', 'new'])
  })

  test('a failure leaves nothing behind', async () => {
    await expect(replaceHostFile(join(folder, 'no', 'file'), 'x')).rejects.toMatchObject({ code: 'ENOENT' })
    await expect(replaceHostFile(folder, 'x')).rejects.toThrow(/cannot write/)
    expect(readdirSync(folder)).toEqual([])
  })

  test('what was learned before is not read through a link, nor from a pipe', async () => {
    const link = join(folder, 'link')
    symlinkSync(file('target', '{}'), link)
    await expect(readExistingText(link)).rejects.toMatchObject({ code: 'ELOOP' })
    expect(await readHostText(link)).toBe('{}')
    expect(await readExistingText(join(folder, 'none'))).toBeNull()
    const pipe = join(folder, 'pipe')
    execFileSync('mkfifo', [pipe])
    await expect(readExistingText(pipe)).rejects.toThrow(/plain file/)
  })
})

describe('learning over several runs', () => {
  const learned = {
    version: 1,
    read: ['/b'],
    write: [],
    exec: ['/x'],
    connect: ['10.0.0.1:80'],
    syscalls: null,
  } as const

  test('a first run is written as it is', () => {
    expect(JSON.parse(extendPolicy(learned, null, 'p'))).toEqual({
      read: ['/b'],
      write: [],
      exec: ['/x'],
      connect: ['10.0.0.1:80'],
    })
  })

  test('a further one adds to it, and keeps what was written by hand', () => {
    const before = JSON.stringify({
      read: ['/a', { regexp: '^/c$' }],
      write: ['@scratch'],
      exec: ['/x'],
      onViolation: 'report',
    })
    expect(JSON.parse(extendPolicy(learned, before, 'p'))).toEqual({
      onViolation: 'report',
      read: expect.arrayContaining(['/a', '/b', { regexp: '^/c$' }]) as unknown,
      write: ['@scratch'],
      exec: ['/x'],
      connect: ['10.0.0.1:80'],
    })
  })

  test('a list that was left out keeps its meaning', () => {
    expect(JSON.parse(extendPolicy(learned, '{}', 'p'))).toMatchObject({
      read: ['/b', '@default'],
      write: ['@default'],
    })
  })

  test('what is written is a policy again', () => {
    const once = extendPolicy(learned, null, 'p')
    expect(extendPolicy(learned, once, 'p')).toBe(once)
  })

  test('what is no policy is not overwritten', () => {
    expect(() => extendPolicy(learned, 'hello', 'p')).toThrow(/policy file/)
  })

  test('a profile holds what was used and what it held, never more than ours', () => {
    const names = (text: string): string[] =>
      (JSON.parse(text) as { syscalls: { names: string[]; action: string }[] }).syscalls.flatMap((rule) =>
        rule.action === 'SCMP_ACT_ALLOW' ? rule.names : [],
      )
    const first = extendSeccomp(['sched_yield', 'bpf'], null, 'x86_64')
    const second = extendSeccomp(['mincore'], first, 'x86_64')
    expect(names(first)).toContain('sched_yield')
    expect(names(first)).not.toContain('mincore')
    expect(names(second)).toEqual(expect.arrayContaining(['sched_yield', 'mincore']))
    expect(names(second)).not.toContain('bpf')
    expect(names(second).length).toBeLessThan(names(JSON.stringify(targetSeccompProfile('x86_64'))).length)
    expect(() => extendSeccomp([], '{}', 'x86_64')).toThrow()
  })
})
