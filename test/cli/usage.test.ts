import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import { runCli } from '../helpers/cli.js'

const folder = mkdtempSync(join(tmpdir(), 'cli-usage-'))
afterAll(() => rmSync(folder, { recursive: true }))

const COMMANDS = ['run', 'trace', 'build', 'image', 'users', 'ps', 'prune', 'doctor']

describe('help and version', () => {
  test('help lists every command', async () => {
    const { code, stdout, stderr } = await runCli(['--help'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'))
  })

  test.each(COMMANDS)('%s has help of its own', async (command) => {
    const { code, stdout } = await runCli([command, '--help'])
    expect(code).toBe(0)
    expect(stdout).toContain(`Usage: container-sandbox ${command}`)
  })

  test("the version is the package's", async () => {
    expect(await runCli(['--version'])).toMatchObject({ code: 0, stdout: `${packageJson.version}\n` })
  })
})

describe('a wrong command line is our failure, and nothing is started', () => {
  const file = join(folder, 'file')
  writeFileSync(file, '')
  test.each([
    ['no command', []],
    ['an unknown command', ['destroy']],
    ['an unknown flag', ['run', '--privileged', '--', 'true']],
    ['run without a command', ['run']],
    ['a time without a unit', ['run', '--timeout', '10', '--', 'true']],
    ['zero memory', ['run', '--memory', '0B', '--', 'true']],
    ['too little memory', ['run', '--memory', '1MiB', '--', 'true']],
    ['a size without a unit', ['run', '--memory', '512', '--', 'true']],
    ['no CPUs', ['run', '--cpus', '0', '--', 'true']],
    ['a negative number of processes', ['run', '--pids=-1', '--', 'true']],
    ['a user that is a path', ['run', '--user', '../root', '--', 'true']],
    ['a user that looks like a flag', ['run', '--user=-x', '--', 'true']],
    ['a home that is missing', ['run', '--home', join(folder, 'missing'), '--', 'true']],
    ['a home that is a file', ['run', '--home', file, '--', 'true']],
    ['the whole host as a mount', ['run', '--mount', '/:/host', '--', 'true']],
    ["the engine's socket as a mount", ['run', '--mount', '/var/run/docker.sock:/docker.sock', '--', 'true']],
    ['a relative target', ['run', '--mount', '/tmp:tmp2', '--', 'true']],
    ["the host's network", ['run', '--network', 'host', '--', 'true']],
    ['a label of ours', ['run', '--label', 'container-sandbox.managed=0', '--', 'true']],
    ['a base that does not exist', ['run', '--base', 'no-such-image:ever', '--', 'true']],
    ['an image that does not exist', ['image', 'remove', 'no-such-image:ever']],
  ])('%s', async (_name, args) => {
    const { code, stdout, stderr } = await runCli(args)
    expect({ code, stdout }).toEqual({ code: 125, stdout: '' })
    expect(stderr).toMatch(/^(container-sandbox: |Usage)/)
    expect(stderr).not.toContain('    at ')
  })

  test('the message names the flag, what was given and what is allowed', async () => {
    const { stderr } = await runCli(['run', '--memory', '512', '--', 'true'])
    expect(stderr).toMatch(/--memory: got "512"; allowed: .*MiB/)
  })

  test('with --json the error is JSON', async () => {
    const { code, stdout, stderr } = await runCli(['run', '--json', '--cpus', '0', '--', 'true'])
    expect({ code, stderr }).toEqual({ code: 125, stderr: '' })
    expect(JSON.parse(stdout)).toMatchObject({
      error: { code: 'ERR_INVALID_OPTIONS', message: expect.stringContaining('--cpus') as string },
    })
  })
})

describe('without an engine', () => {
  const env = { DOCKER_HOST: 'unix:///nonexistent/engine.sock' }
  const build = join(folder, 'build.yaml')
  writeFileSync(build, 'steps: [{ run: make }]\n')

  test.each([
    [['run', '--', 'true']],
    [['build', build, '--state-dir', join(folder, 'state')]],
    [['image', 'list']],
    [['image', 'build']],
    [['image', 'toolchain']],
    [['ps']],
    [['prune']],
  ])('%j says so', async (args) => {
    const { code, stdout, stderr } = await runCli(args, { env })
    expect({ code, stdout }).toEqual({ code: 125, stdout: '' })
    expect(stderr).toContain('/nonexistent/engine.sock')
    expect(stderr).not.toContain('    at ')
  })

  test('with --json it is an error object', async () => {
    const { code, stdout } = await runCli(['ps', '--json'], { env })
    expect(code).toBe(125)
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'ERR_ENGINE_UNAVAILABLE' } })
  })

  test('doctor has a finding for it and still looks at this machine', async () => {
    const { code, stdout } = await runCli(['doctor', '--json'], { env })
    expect(code).toBe(125)
    const report = JSON.parse(stdout) as {
      ok: boolean
      engine: unknown
      findings: { check: string; status: string; action: string }[]
    }
    expect(report).toMatchObject({ ok: false, engine: null })
    expect(report.findings[0]).toMatchObject({
      check: 'engine',
      status: 'fail',
      action: expect.stringContaining('DOCKER_HOST') as string,
    })
    expect(report.findings.map(({ check }) => check)).toContain('open files')
  })
})
