/** Every example of the docs runs as it stands there, and prints what it should. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'

const folder = resolve(import.meta.dirname, '../../docs/examples')

// What an example leaves for its reader to look at.
const scratch = mkdtempSync(join(tmpdir(), 'examples-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
const env = { ...process.env, TMPDIR: scratch }

const expected: Readonly<Record<string, RegExp>> = {
  'build.mjs':
    /^page exited\ncheck exited\n"counting letters\\nmade a page of 10 letters\\n2\\n"\nsucceeded dist\/page\.html\n$/,
  'jail.mjs': new RegExp(
    "^alice has /\nfile stat { size: 5 }\nthere is no action 'file stat, but unknown'\ngoodbye\nnull SIGTERM\n$",
  ),
  'jailkeeper.mjs': /^stdout: hello world\njailbreak: read \/etc\/passwd\nexit: null SIGKILL\n$/,
  'limits.mjs': new RegExp(
    [
      '^an endless loop: timeout, exit code null, left over 0',
      'too much processor time: cpuTime, exit code null, left over \\d+',
      'too much output: outputLimit, exit code 0, left over 0',
      'a daemon left behind: exited, exit code 0, left over 1',
      'writing to the root: exited, exit code [12], left over 0',
      'a full scratch: exited, exit code [12], left over 0',
      'too much memory: oom, exit code \\w+, left over 0\n$',
    ].join('\n'),
  ),
  'login.mjs': /^LoginFailedError .+\nlogged in as alice\n$/,
  'node-sandbox.mjs':
    /^(?:stdout: loaded\nhello bob!|hello bob!\nstdout: loaded)\nLockup detected\n(?:stdout: loaded\n|hello alice!\n|exit: null SIGTERM\n){4}$/,
  'observability.mjs': /^sleep: timeout\ncontainer_sandbox_limit_hits_total\{limit="timeout"\} 1\n$/,
  'plugin.mjs': /^at most 2: the store is full\nkilled, stored: \{ started: true, answer: 42 \}\n$/,
  'pool.mjs': new RegExp(
    '^alice: use 1 of a new sandbox, files in it: 0\nalice: use 2 of the same sandbox, files in it: 0\nbob: use 1 of a new sandbox, files in it: 0\n$',
  ),
  'queue.mjs': /^true\nalice 1, rival 1, alice 2, alice 3, rival 2, rival 3\nflood 1, light 1, flood 2, flood 3\n$/,
  'quick-start.mjs': /^exited 0 hello from uid true\n$/,
  'rpc.mjs': /^hello bob, the host says 42\n$/,
  'runner.mjs': /^counting letters\nmade a page of 10 letters\nsucceeded\n$/,
  'streams.mjs': /^got one\ngot two\n$/,
  'trace.mjs': new RegExp(
    "^jailbreak: read /etc/passwd by cat\ncreated: \\[ '/work/copy', '/work/greeting' \\]\nviolations: 1\n$",
  ),
  'trees.mjs': /^"a\\nb\\nc\\n"\n$/,
}

test('every example has an expectation', () => {
  expect(readdirSync(folder).filter((name) => name.endsWith('.mjs'))).toEqual(Object.keys(expected))
})

test.each(Object.entries(expected))('%s', async (name, output) => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [resolve(folder, name)], {
    timeout: 60_000,
    env,
  })
  expect(stderr).toBe('')
  expect(stdout).toMatch(output)
})

test('the demo finds everything as it should be', async () => {
  const script = resolve(folder, '../../scripts/demo.mjs')
  const { stdout } = await promisify(execFile)(process.execPath, [script], { timeout: 100_000 })
  expect(stdout).toMatch(/\nAll as it should be\.\n$/)
})
