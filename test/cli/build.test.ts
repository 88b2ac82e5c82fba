/** `build` as its users have it: real files, a real engine, exit codes and streams. */
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, describe, expect, test } from 'vitest'
import { DockerDriver } from '../../src/driver/docker/docker-driver.js'
import type { BuildEvent } from '../../src/runner/build-events.js'
import { Screen } from '../helpers/screen.js'
import { cliPath, finishCli, runCli, startCli, waitForOutput, type CliOptions } from '../helpers/cli.js'

const folder = mkdtempSync(join(tmpdir(), 'cli-build-'))
const stateDir = join(folder, 'state')
const driver = new DockerDriver()
afterAll(async () => {
  await driver.close()
  rmSync(folder, { recursive: true })
})

let count = 0
/** An empty source, so that a build has what it makes and nothing else. */
function write(text: string): string {
  const path = join(folder, `build-${(count += 1)}.yaml`)
  writeFileSync(path, `source: null\n${text.replaceAll(/^ {4}/gm, '')}`)
  return path
}
const build = (text: string, args: readonly string[] = [], options: CliOptions = {}) =>
  runCli(['build', write(text), '--state-dir', stateDir, ...args], options)

const sandboxesOf = async (label: string) =>
  (await driver.list()).filter(({ labels }) => Object.values(labels).includes(label))

test('a build: steps, output, secrets, artifacts', async () => {
  const out = join(folder, 'out')
  const text = `
    env: { WHO: world }
    steps:
      - name: greet
        run: |
          echo "hello $WHO"
          printf '\\033[2J\\r%s\\n' "$TOKEN" >&2
          mkdir dist && echo made > dist/file
        secrets: [TOKEN]
      - { name: 'see', run: [cat, file], cwd: dist, timeoutMs: 30s }
      - { name: 'flaky', run: 'exit 3', continueOnError: true }
    artifacts: [dist]
    secrets: { TOKEN: { env: SOME_TOKEN } }`
  const env = { SOME_TOKEN: 'hunter2hunter2' }
  const { code, stdout, stderr } = await build(text, ['--artifacts', out], { env })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toContain('\n[1/3] greet\n')
  expect(stdout).toContain('\n[1/3] | hello world\n')
  expect(stdout).toContain(String.raw`[1/3] | \u001b[2J` + '\n[1/3] | ***\n')
  expect(stdout).toMatch(/\n\[2\/3\] \| made\n\[2\/3\] exit code 0, \d+\.\ds\n/)
  expect(stdout).toMatch(/\n\[3\/3\] exit code 3, goes on, /)
  expect(stdout).toMatch(/\nlog: \S+\/log\.ndjson\nsucceeded in \d+\.\ds\n$/)
  expect(stdout).not.toContain('hunter2')
  expect(readFileSync(join(out, 'dist/file'), 'utf8')).toBe('made\n')
})

test('the source is the folder of the file, from wherever it is called', async () => {
  const project = join(folder, 'project')
  mkdirSync(project)
  const path = join(project, 'here.json')
  writeFileSync(path, JSON.stringify({ steps: [{ run: ['cat', 'here.json'] }] }))
  const { code, stdout } = await runCli(['build', 'project/here.json', '--state-dir', stateDir], { cwd: folder })
  expect(code).toBe(0)
  expect(stdout).toContain('| {"steps":[{"run":["cat","here.json"]}]}')
})

describe('exit codes', () => {
  test.each<[what: string, code: number, text: string, args: string[], last: RegExp]>([
    [
      "the step's own",
      42,
      "steps: [{ run: 'exit 42' }, { run: echo never }]",
      [],
      /failed after .*step 1 of 2 \(exit 42\): exit code 42/,
    ],
    ['out of time', 124, 'steps: [{ run: sleep 60 }]', ['-t', '300ms'], /ran out of time/],
    [
      'out of memory',
      137,
      "steps: [{ run: [node, -e, 'const a=[]; for(;;) a.push(Buffer.alloc(1048576, 1))'] }]",
      ['-m', '64MiB'],
      /ran out of memory/,
    ],
    [
      'artifacts beyond their cap',
      1,
      'steps: [{ run: echo x >big }]\nartifacts: { paths: [big], maxBytes: 1 }',
      [],
      /failed after/,
    ],
    ['no such source', 125, 'steps: [{ run: make }]', [], /not done/],
  ])('%s: %i', async (_what, code, text, args, last) => {
    const path = write(text)
    if (code === 125) writeFileSync(path, `source: { folder: ./nowhere }\n${text}`)
    const result = await runCli(['build', path, '--state-dir', stateDir, ...args])
    expect(result.stdout.trimEnd().split('\n').at(-1)).toMatch(last)
    expect(result.code).toBe(code)
    expect(result.stdout).not.toContain('| never')
  })
})

describe('refused before anything starts', () => {
  test.each<[what: string, text: string, args: string[], message: RegExp]>([
    ['a wrong type', 'steps: 5', [], /build-\d+\.yaml:2:8: steps: got 5/],
    [
      'a billion laughs',
      ['a0: &a0 [x]', ...Array.from({ length: 20 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}]`)].join(
        '\n',
      ),
      [],
      /so many/,
    ],
    [
      'several things at once, and no secret is told',
      'steps: [{ run: x }]\nsecrets: { A: hunter2hunter2 }\nartifacts: [../../etc]',
      ['--secret', 'B=hunter2hunter2', '-m', '5MB'],
      /^container-sandbox: 4 problems\n[^]*:3:15: secrets\.A: .*no place for a secret[^]*--memory: got "5MB"[^]*could leave/,
    ],
    ['a state folder that others can write to', 'steps: [{ run: x }]', ['--state-dir', '/tmp'], /not safe/],
  ])('%s', async (_what, text, args, message) => {
    const { code, stdout, stderr } = await build(text, args)
    expect(stderr).toMatch(message)
    expect({ code, stdout }).toEqual({ code: 125, stdout: '' })
    expect(stderr).not.toContain('hunter2')
  })

  test('with --json as one line of JSON', async () => {
    const { code, stdout, stderr } = await build('steps: 5', ['--json'])
    expect({ code, stderr }).toEqual({ code: 125, stderr: '' })
    expect(stdout.trimEnd()).not.toContain('\n')
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'ERR_BUILD_FILE' } })
  })
})

test('the example of the docs', async () => {
  const path = join(import.meta.dirname, '../../docs/examples/build.yaml')
  const env = { PAGE_TOKEN: 'hunter2hunter2' }
  const { code, stdout } = await runCli(['build', path, '--state-dir', stateDir], { env })
  expect(code).toBe(0)
  expect(stdout).toContain('[3/4] | with a token of 14 characters: ***\n')
  expect(stdout).toMatch(/\[4\/4\] exit code 1, goes on[^]*cache letters: saved[^]*\n1 artifact \(41 B\) in /)
})

test('--json: events as they come, the result last, and a trace beside the log', async () => {
  const { code, stdout, stderr } = await build("steps: [{ run: 'echo out; echo err >&2; exit 5' }]", [
    '--json',
    '--trace',
  ])
  expect({ code, stderr }).toEqual({ code: 5, stderr: '' })
  const events = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as BuildEvent)
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index))
  const last = events.at(-1)
  if (last?.type !== 'finished') return expect.fail('the last is the result')
  expect(last.result).toMatchObject({ outcome: 'failed', steps: [{ exitCode: 5 }] })
  expect(events.filter(({ type }) => type === 'output')).toEqual(
    expect.arrayContaining([expect.objectContaining({ stream: 'stderr', text: 'err\n' })]),
  )
  const logged = readFileSync(last.result.logPath, 'utf8').trimEnd().split('\n')
  expect(logged.map((line) => JSON.parse(line) as unknown)).toEqual([
    { ...events[0], time: expect.any(String) as string },
    ...events.slice(1),
  ])
  expect(existsSync(join(dirname(last.result.logPath), 'trace.json'))).toBe(true)
})

test('a cache is there for the next build', async () => {
  const text =
    "steps: [{ run: 'cat c/x || echo nothing; mkdir -p c; echo kept >c/x' }]\ncaches: [{ key: cli, path: c }]"
  expect((await build(text)).stdout).toContain('| nothing')
  expect((await build(text)).stdout).toContain('| kept')
})

test('SIGINT cancels, and nothing is left', async () => {
  const label = `cli-build-${process.pid}`
  const path = write(`labels: { test: ${label} }\nsteps: [{ run: "trap '' INT TERM; echo ready; sleep 60" }]`)
  const child = startCli(['build', path, '--state-dir', stateDir])
  child.stdin.end()
  await waitForOutput(child, '| ready\n')
  expect(await sandboxesOf(label)).toHaveLength(1)
  child.kill('SIGINT')
  const result = await finishCli(child)
  expect(result.stdout).toMatch(/canceling; once more ends at once\n[^]*canceled after/)
  expect(result.code).toBe(130)
  expect(await sandboxesOf(label)).toEqual([])
})

test('two at the same time, in the folder that nobody named', async () => {
  // Of root it is /var/lib/container-sandbox.
  const env = { XDG_STATE_HOME: join(folder, 'xdg') }
  const first = startCli(['build', write("steps: [{ run: 'echo ready; sleep 60' }]")], { env })
  first.stdin.end()
  await waitForOutput(first, '| ready\n')
  const second = await runCli(['build', write("steps: [{ run: 'true' }]")], { env })
  expect(second.code).toBe(0)
  first.kill('SIGINT')
  const { code, stdout } = await finishCli(first)
  expect(code).toBe(130)
  // One folder has one runner.
  const logs = [stdout, second.stdout].map((text) => /\nlog: (\S+)\/builds\//.exec(text)?.[1])
  expect(logs[0]).toMatch(/\/cli-builds\/\d+$/)
  expect(logs[0]).not.toBe(logs[1])
})

test('on a terminal each step is one line in the end', async () => {
  const path = write("steps: [{ name: first, run: 'seq 1 50' }, { name: last, run: 'seq 1 50; exit 9' }]")
  const command = `${process.execPath} ${cliPath} build ${path} --state-dir ${stateDir}; echo code $?`
  const env = { ...process.env, NO_COLOR: '1', TERM: 'xterm' }
  const { stdout } = await promisify(execFile)('script', ['-qec', command, '/dev/null'], { env })
  expect(stdout).toContain('code 9')
  const screen = new Screen(1_000)
  screen.feed(stdout.replace(/^.*?●/s, '●'))
  const { rows } = screen
  expect(rows.filter((row) => row.includes('[1/2]'))).toEqual([expect.stringMatching(/^✓ \[1\/2\] first {2}\d+\.\ds$/)])
  expect(rows.join('')).not.toContain('●')
  expect(rows).toContainEqual(expect.stringMatching(/✗ \[2\/2\] last {2}exit code 9 {2}\d/))
  expect(rows).toContain('    … 30 lines before')
  expect(rows.filter((row) => /^ {2}\| \d+$/.test(row))).toHaveLength(20)
  expect(stdout).not.toMatch(/\u001b\[\d*m/)
})
