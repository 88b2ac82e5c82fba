import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BuildFileError, readBuildFile, type BuildProblem } from '../../../../src/cli/build/build-file.js'
import { addBuildOptions, type BuildFlags } from '../../../../src/cli/build/build-flags.js'
import { composeBuild } from '../../../../src/cli/build/compose-build.js'
import { HostFileError } from '../../../../src/errors.js'
import { parseBuildOptions } from '../../../../src/options/index.js'
import { HOSTILE, UNSAFE } from './sample-events.js'

let folder: string
let count = 0
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'build-file-'))))
afterAll(() => rmSync(folder, { recursive: true }))

function write(content: string | Buffer, name = `b${(count += 1)}.yaml`): string {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}

const env = { TOKEN: 'token from the shell', SHORT: 'abc' }
const parseFlags = (...args: string[]): BuildFlags => {
  const command = addBuildOptions(new Command('build'))
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
  return command.parse(args, { from: 'user' }).opts<BuildFlags>()
}
const compose = async (content: string, ...args: string[]) =>
  composeBuild(await readBuildFile(write(content)), parseFlags(...args), env)

async function refusal(
  content: string | Buffer,
  ...args: string[]
): Promise<{ message: string; problems: BuildProblem[] }> {
  try {
    await composeBuild(await readBuildFile(write(content)), parseFlags(...args), env)
  } catch (error) {
    if (!(error instanceof BuildFileError)) throw error
    return { message: error.message, problems: error.details['problems'] as BuildProblem[] }
  }
  throw new Error('it was taken')
}

const STEP = 'steps: [{ run: make }]\n'

describe('taken', () => {
  test('the least', async () => {
    const options = await compose(STEP)
    const parsed = parseBuildOptions(options)
    expect(parsed.source).toEqual({ folder })
    expect(parsed.tenant).toBe(userInfo().username)
    expect(parsed.secrets).toEqual({})
  })

  test('JSON, with a byte order mark, is the same', async () => {
    expect(await compose(`\ufeff${JSON.stringify({ steps: [{ run: 'make' }] }, null, '\t')}`)).toEqual(
      await compose(STEP),
    )
  })

  test.each<[text: string, source: unknown]>([
    ['source: .', { folder: '' }],
    ['source: ../x', { folder: '../x' }],
    ['source: /x', { folder: '/x' }],
    ['source: { folder: sub }', { folder: 'sub' }],
    ['source: { tar: a.tgz }', { tar: 'a.tgz' }],
    ['source: { bundle: a.bundle, ref: v1 }', { bundle: 'a.bundle', ref: 'v1' }],
  ])('%s is relative to the file', async (text, source) => {
    const { resolve } = await import('node:path')
    const wanted = Object.fromEntries(
      Object.entries(source as Record<string, string>).map(([key, path]) => [
        key,
        key === 'ref' ? path : resolve(folder, path),
      ]),
    )
    const parsed = parseBuildOptions(await compose(`${STEP}${text}`))
    expect(parsed.source).toMatchObject(wanted)
  })

  test('no source at all, and a repository', async () => {
    expect(parseBuildOptions(await compose(`${STEP}source: null`)).source).toBeNull()
    const git = 'source: { git: https://example.com/x.git, ref: main }'
    expect(parseBuildOptions(await compose(`${STEP}${git}`)).source).toMatchObject({ git: 'https://example.com/x.git' })
  })

  test('times and sizes as texts and as numbers', async () => {
    const text = `
      steps: [{ run: a, timeoutMs: 30s }, { run: b, timeoutMs: 500 }]
      timeoutMs: 1.5h
      limits: { memoryBytes: 1GiB, cpuTimeMs: 2m, lifetimeMs: 7200000, scratchBytes: 33554432 }
      workspace: { sizeBytes: 64MiB }
      trace: { maxLagMs: 5s }
    `
    const options = await compose(text)
    expect(options).toMatchObject({ trace: { maxLagMs: 5_000 } })
    expect(parseBuildOptions(options)).toMatchObject({
      steps: [{ timeoutMs: 30_000 }, { timeoutMs: 500 }],
      timeoutMs: 5_400_000,
      limits: { memoryBytes: 1024 ** 3, cpuTimeMs: 120_000, lifetimeMs: 7_200_000, scratchBytes: 33_554_432 },
      workspace: { sizeBytes: 64 * 1024 ** 2 },
    })
  })

  test('anchors, within reason', async () => {
    const options = await compose('steps:\n  - &s { run: a, env: { A: x } }\n  - { run: b, env: { A: y } }\n  - *s\n')
    expect(options.steps).toEqual([
      { run: 'a', env: { A: 'x' } },
      { run: 'b', env: { A: 'y' } },
      { run: 'a', env: { A: 'x' } },
    ])
  })

  test('flags win', async () => {
    const text = `${STEP}tenant: a\nbase: host\ntimeoutMs: 5s\nlimits: { memoryBytes: 64MiB, pids: 9 }\ncaches: [{ key: k, path: c }]\n`
    const flags = [
      '--tenant',
      'b/c',
      '--base',
      'toolchain',
      '-t',
      '9s',
      '-m',
      '128MiB',
      '--cpus',
      '0.5',
      '--pids',
      '77',
    ]
    const options = await compose(text, ...flags, '--workspace', '9MiB', '--no-cache', '--trace')
    expect(parseBuildOptions(options)).toMatchObject({
      tenant: 'b/c',
      base: 'toolchain',
      timeoutMs: 9_000,
      limits: { memoryBytes: 128 * 1024 ** 2, cpuCount: 0.5, pids: 77 },
      workspace: { sizeBytes: 9 * 1024 ** 2 },
      caches: [],
    })
    expect(options.trace).toBe(true)
    expect((await compose(`${STEP}trace: { calls: all }`, '--trace')).trace).toEqual({ calls: 'all' })
  })
})

describe('secrets', () => {
  const secrets = async (text: string, ...args: string[]) => (await compose(`${STEP}${text}`, ...args)).secrets

  test('from the shell and from files', async () => {
    write('one line\n', 'token')
    write('-----BEGIN-----\nkey\n-----END-----\n', 'key')
    expect(await secrets('secrets: { A: { env: TOKEN }, B: { file: token }, C: { file: ./key } }')).toEqual({
      A: 'token from the shell',
      B: 'one line',
      C: '-----BEGIN-----\nkey\n-----END-----\n',
    })
  })

  test('from flags, which win', async () => {
    const path = write('from a flag\r\n', 'flagged')
    const text = 'secrets: { A: { env: NOT_SET } }'
    expect(await secrets(text, '--secret', `A=@${path}`, '--secret', 'TOKEN')).toEqual({
      A: 'from a flag',
      TOKEN: 'token from the shell',
    })
  })

  test.each<[what: string, text: string, reason: RegExp, args?: string[]]>([
    [
      'a value in the file',
      'secrets: { A: hunter22 }',
      /a\.|secrets\.A: .*not shown.*\{ env: NAME \}.*no place for a secret/i,
    ],
    ['a number', 'secrets: { A: 22222222 }', /not shown/],
    ['a value in a wrong wrapping', 'secrets: { A: { value: hunter22 } }', /an object; allowed/],
    ['two places', 'secrets: { A: { env: TOKEN, file: hunter22 } }', /allowed/],
    ['a list', 'secrets: [hunter22]', /an array of 1/],
    ['a text', 'secrets: hunter22', /not shown/],
    ['a variable that is not set', 'secrets: { A: { env: NOT_SET } }', /"NOT_SET" is not set in this shell/i],
    ['a short one', 'secrets: { A: { env: SHORT } }', /secrets.A: got something that is not shown.*4 characters/],
    ['a file that is not there', 'secrets: { A: { file: nowhere } }', /ENOENT.*nowhere/],
    ['a folder', 'secrets: { A: { file: . } }', /plain file/],
    ['a device', 'secrets: { A: { file: /dev/zero } }', /plain file/],
    ['a name that is none', 'secrets: { a-b: { env: TOKEN } }', /variable/],
    [
      'a value in a flag',
      '',
      /--secret: got something that is not shown; allowed: NAME, or NAME=@file/,
      ['A=hunter22'],
    ],
    ['a flag for a variable that is not set', '', /--secret NOT_SET: .*is not set/, ['NOT_SET']],
  ])('%s is refused, and not shown', async (_what, text, reason, args = []) => {
    const { message } = await refusal(`${STEP}${text}`, ...args.flatMap((arg) => ['--secret', arg]))
    expect(message).toMatch(reason)
    expect(message).not.toMatch(/hunter22|22222222|token from/)
  })

  test('from a file whose size the kernel does not tell', async () => {
    expect(await secrets('', '--secret', 'A=@/proc/version')).toEqual({
      A: readFileSync('/proc/version', 'utf8').trimEnd(),
    })
  })

  test('more than a build takes are refused, and not read', async () => {
    const many = Array.from({ length: 5_000 }, (_, i) => `S${i}: { file: /dev/zero }`).join(', ')
    const { message } = await refusal(`${STEP}secrets: { ${many} }`)
    expect(message).toMatch(/^the first 20 problems\n/)
    expect(message.match(/plain file/g)).toHaveLength(20)
  })

  test('one that is too long, or no text', async () => {
    const long = write('x'.repeat(65_537), 'long')
    expect((await refusal(STEP, '--secret', `A=@${long}`)).message).toMatch(/EFBIG.*64KiB/)
    const binary = write(Buffer.from([1, 2, 0xff, 0xfe]), 'binary')
    expect((await refusal(STEP, '--secret', `A=@${binary}`)).message).toMatch(/is no text: it is not UTF-8/)
  })
})

describe('refused, with the place', () => {
  test.each<[text: string, line: number, column: number, message: RegExp]>([
    ['steps: 5', 1, 8, /steps: got 5; allowed: an array of steps/],
    ['steps:\n  - run: a\n    rum: b', 3, 5, /steps\[0\]\.rum: unknown option, did you mean run\?/],
    ['steps:\n  - run: a\nstep: []', 3, 1, /step: unknown option, did you mean steps/],
    ['steps:\n  - name: x', 2, 5, /steps\[0\]\.run: got undefined/],
    ['steps: []', 1, 8, /at least one step/],
    ['steps:\n  - run:', 2, 5, /steps\[0\]\.run: got null/],
    ['steps:\n  - run: [make, 5]', 2, 17, /./],
    ['steps:\n  - run: a\n    timeoutMs: soon', 3, 16, /steps\[0\]\.timeoutMs: got "soon"; allowed: a time such as/],
    ['steps: [{run: a}]\ntimeoutMs: "30"', 2, 12, /number and a unit/],
    ['steps: [{run: a}]\nlimits: { memoryBytes: 5MB }', 2, 24, /limits.memoryBytes: .*powers of 1000/],
    ['steps: [{run: a}]\nlimits:\n  cpuTimeMs: -1s', 3, 14, /cpuTimeMs/],
    ['steps: [{run: a}]\nmemoryBytes: 5MiB', 2, 1, /did you mean limits\.memoryBytes/],
    ['steps: [{run: a}]\nenv: { A: 1 }', 2, 11, /env\.A: .*write it as a text/i],
    ['steps: [{run: a}]\nsource: 5', 2, 9, /source: got 5/],
    ['steps: [{run: a}]\nsource: ""', 2, 9, /write null for an empty workspace/i],
    ['steps: [{run: a}]\nsource: https://x/y', 2, 9, /write \{ git/i],
    ['steps: [{run: a}]\nsource: { git: "ext::sh -c x" }', 2, 16, /source\.git: .*can run commands/],
    [
      'steps: [{run: a}]\nsource: { git: "https://x/y", reff: main }',
      2,
      31,
      /source\.reff: unknown option, did you mean ref\?/,
    ],
    ['steps: [{run: a}]\nartifacts: [dist, ../x]', 2, 19, /artifacts\[1\]: .*could leave the workspace/],
    ['steps: [{run: a}]\nartifacts: ["!/etc/**"]', 2, 13, /artifacts\[0\]: .*absolute/],
    ['steps: [{run: a}]\nartifacts:\n  paths: [a/../../b]', 3, 11, /artifacts\.paths\[0\]: .*could leave/],
    ['steps: [{run: a}]\ncaches: [{ key: a, path: /root }]', 2, 26, /caches\[0\]\.path: .*absolute/],
    ['steps: [{run: a, cwd: ../x}]', 1, 23, /steps\[0\]\.cwd/],
    ['steps: [{run: a, secrets: [A]}]', 1, 28, /a name of `secrets`/],
    ['steps: [{run: a}]\nsignal: 5', 2, 9, /signal/],
    ['steps: [{run: a}]\ntenant: ../x', 2, 9, /tenant/],
    ['steps:\n  - &s { run: a, env: { A: 1 } }\n  - *s', 2, 28, /steps\[0\]\.env\.A/],
    ['- a', 1, 1, /got an array of 1; allowed: the members of a build/],
    ['just a text', 1, 1, /got "just a text"/],
    ['', 1, 1, /got null/],
    ['a: [', 1, 5, /./],
    ['steps:\n\t- run: a', 2, 1, /a tab is no indentation/],
    ['steps: [{run: a}]\nsteps: []', 2, 1, /twice/],
    ['steps: "a\0b"', 1, 10, /control character/],
    ['{"steps": [{"run": "a"}],\n "env": {"A": "x" "B": "y"}}', 2, 19, /before it something is missing/],
  ])('%j', async (text, line, column, message) => {
    const { message: whole, problems } = await refusal(text)
    expect(whole).toMatch(message)
    expect(problems[0]).toMatchObject({ line, column })
    expect(whole).toContain(`.yaml:${line}:${column}: `)
  })

  test('each problem has its line, and the first have a frame', async () => {
    const { message, problems } = await refusal(
      'steps:\n  - rum: a\n    timeoutMs: soon\nenv:\n  KEY: 5\nlimits: { pids: many }\n',
    )
    expect(problems.map(({ path, line }) => [path, line])).toEqual(
      expect.arrayContaining([
        ['steps[0].timeoutMs', 3],
        ['steps[0].run', 2],
        ['steps[0].rum', 2],
        ['env.KEY', 5],
        ['limits.pids', 6],
      ]),
    )
    expect(message).toMatch(/^5 problems\n/)
    expect(message).toContain('  > 3 |     timeoutMs: soon\n      |                ^^^^')
    // A variable can hold a secret.
    expect(message).not.toContain('KEY: 5')
  })

  test('what a flag says is said of the flag', async () => {
    const { message, problems } = await refusal(
      `${STEP}tenant: ok`,
      '--tenant',
      '..',
      '-m',
      '5MB',
      '--artifacts',
      'out',
    )
    expect(message).toMatch(/^--tenant: got "\.\."/m)
    expect(message).toMatch(/^--memory: got "5MB"/m)
    expect(message).toMatch(/^--artifacts: got "out"; allowed: nothing: the file names none/m)
    expect(problems.every(({ line }) => line === null)).toBe(true)
  })

  test('a file that is not UTF-8', async () => {
    const { message } = await refusal(Buffer.from('steps:\n  - run: "\xff"\n', 'latin1'))
    expect(message).toMatch(/:2:11: it is not UTF-8/)
    expect((await refusal(Buffer.from('\ufeffsteps: []', 'utf16le'))).message).toMatch(
      /:1:\d+: it is not UTF-8|control/,
    )
  })

  test('a hostile file can neither move the terminal nor flood it', async () => {
    const { message } = await refusal(
      `steps: 5\n"${HOSTILE.replaceAll(/[\0\u001b\u0007\r\u009b\ud800]/g, '\u202e')}": 1\n`,
    )
    expect(message.replaceAll('\n', '')).not.toMatch(UNSAFE)
    const wide = await refusal(`steps: [${'{run: 5}, '.repeat(250)}]\n${'k'.repeat(100_000)}: 1\n`)
    expect(wide.message.length).toBeLessThan(12_000)
    const members = Array.from({ length: 8_000 }, (_, i) => `k${i}: ${`secret${i}`.padEnd(50, 'x')}`).join(', ')
    const begun = process.cpuUsage()
    const many = await refusal(`secrets: { ${members} }\nenv: { ${members} }\nsteps: 5\n`)
    const { user, system } = process.cpuUsage(begun)
    expect(user + system).toBeLessThan(5_000_000)
    expect(many.message.length).toBeLessThan(12_000)
    expect(many.problems).toHaveLength(20)
    expect(many.message).not.toContain('secret1')
  })

  test('a file that is too large, is none, or is not there', async () => {
    await expect(readBuildFile(write('#'.repeat(1024 ** 2 + 1)))).rejects.toThrow(/EFBIG.*1MiB/)
    await expect(readBuildFile(join(folder, 'nowhere'))).rejects.toThrow(/ENOENT/)
    mkdirSync(join(folder, 'sub'), { recursive: true })
    await expect(readBuildFile(join(folder, 'sub'))).rejects.toThrow(HostFileError)
    await expect(readBuildFile('/dev/zero')).rejects.toThrow(/plain file/)
  })

  test('the largest file is read in good time', async () => {
    const script = '#'.repeat(1024 ** 2 - 100)
    expect((await refusal(`steps: [{ run: "${script}" }]`)).message).toMatch(/131,071 bytes/)
  })
})
