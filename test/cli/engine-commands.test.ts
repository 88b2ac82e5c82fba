import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { DockerDriver } from '../../src/driver/docker/docker-driver.js'
import { finishCli, runCli, startCli, waitForOutput } from '../helpers/cli.js'

const stateDir = mkdtempSync(join(tmpdir(), 'cli-state-'))
const driver = new DockerDriver()
afterAll(async () => {
  rmSync(stateDir, { recursive: true })
  await driver.close()
})

const label = `engine-commands-${process.pid}`
const start = async (...flags: string[]) => {
  const child = startCli([
    'run',
    '--label',
    `cli-test=${label}`,
    ...flags,
    '--',
    'sh',
    '-c',
    'echo ready; exec sleep 60',
  ])
  await waitForOutput(child, 'ready\n')
  return child
}

interface Row {
  readonly containerId: string
  readonly user: string | null
  readonly state: string
  readonly deadline: string
}

test('ps shows a running sandbox, prune leaves it alone', async () => {
  const child = await start('--state-dir', stateDir, '--user', 'cli-test', '--lifetime', '10m')
  const [mine] = (await driver.list()).filter(({ labels }) => labels['cli-test'] === label)
  const list = async () => JSON.parse((await runCli(['ps', '--json'])).stdout) as Row[]

  const row = (await list()).find(({ containerId }) => containerId === mine?.id)
  expect(row).toMatchObject({
    user: 'cli-test',
    state: 'running',
    deadline: expect.stringMatching(/^\d{4}-/) as string,
  })
  const { code, stdout } = await runCli(['ps'])
  expect(code).toBe(0)
  expect(stdout).toMatch(/^SANDBOX +CONTAINER +ROLE +USER +STATE +AGE +ENDS IN +OWNER\n/)
  expect(stdout).toMatch(
    new RegExp(
      `^\\S+ +${mine?.id.slice(0, 12)} +sandbox +cli-test +running +\\d+s +(9|10|11)m +\\S+:${child.pid}$`,
      'm',
    ),
  )

  const pruned = await runCli(['prune', '--json'])
  expect(pruned.code).toBe(0)
  expect((JSON.parse(pruned.stdout) as { containers: string[] }).containers).not.toContain(mine?.id)
  expect((await list()).some(({ containerId }) => containerId === mine?.id)).toBe(true)

  child.kill('SIGTERM')
  expect(await finishCli(child)).toMatchObject({ code: 143 })
  expect((await list()).some(({ containerId }) => containerId === mine?.id)).toBe(false)
})

test('prune says in words what it removed', async () => {
  const { code, stdout } = await runCli(['prune'])
  expect(code).toBe(0)
  expect(stdout).toMatch(/\d+ sandboxes and \d+ images removed, \d+\.\d MiB reclaimed\n$/)
})

test('image build is done once, and image list shows the result', async () => {
  await runCli(['image', 'build'])
  const { code, stdout } = await runCli(['image', 'build', '--json'])
  expect(code).toBe(0)
  const built = JSON.parse(stdout) as { base: string; id: string; built: boolean }
  expect(built).toMatchObject({ base: 'runner', id: expect.stringMatching(/^sha256:/) as string, built: false })

  const images = JSON.parse((await runCli(['image', 'list', '--json'])).stdout) as {
    id: string
    kind: string
    sizeBytes: number
  }[]
  expect(images.find(({ id }) => id === built.id)).toMatchObject({
    kind: 'runner',
    sizeBytes: expect.any(Number) as number,
  })
  expect((await runCli(['image', 'list'])).stdout).toMatch(/^IMAGE +KIND +ID +SIZE\ncontainer-sandbox\//)
})

test('image remove takes images of the package and no others', async () => {
  await using foreign = await importForeignImage()
  const refused = await runCli(['image', 'remove', foreign.tag])
  expect(refused).toMatchObject({ code: 125, stdout: '' })
  expect(refused.stderr).toContain('was not made by container-sandbox')
  expect(await driver.images.inspect(foreign.tag)).not.toBeNull()

  await using own = await importForeignImage({ 'container-sandbox.managed': '1' })
  expect(await runCli(['image', 'remove', own.tag, '--json'])).toMatchObject({ code: 0 })
  expect(await driver.images.inspect(own.tag)).toBeNull()
})

let imported = 0
async function importForeignImage(labels: Record<string, string> = {}) {
  const { pack } = await import('tar-stream')
  const { Readable } = await import('node:stream')
  const tag = `cli-test-${process.pid}:${(imported += 1)}`
  const context = pack()
  context.entry({ name: 'Dockerfile' }, `FROM scratch\nCOPY Dockerfile /n${imported}\n`)
  context.finalize()
  await driver.images.build({ context: Readable.from(context), tag, labels })
  return {
    tag,
    [Symbol.asyncDispose]: async () => {
      if ((await driver.images.inspect(tag)) !== null) await driver.images.remove(tag)
    },
  }
}

test('doctor finds nothing that keeps sandboxes from running here', async () => {
  const { code, stdout } = await runCli(['doctor', '--json'])
  const report = JSON.parse(stdout) as {
    ok: boolean
    engine: object
    findings: { check: string; status: string; meaning: string; action: string | null }[]
  }
  expect(report.findings.filter(({ status }) => status === 'fail')).toEqual([])
  expect({ code, ok: report.ok }).toEqual({ code: 0, ok: true })
  const checks = [
    'engine',
    'kernel',
    'cgroup',
    'seccomp',
    'access control',
    'runtimes',
    'user namespaces',
    'live restore',
    'disk quota',
    'open files',
  ]
  expect(report.findings.map(({ check }) => check)).toEqual(expect.arrayContaining(checks))
  for (const { status, meaning, action } of report.findings) {
    expect(meaning).not.toBe('')
    expect(action === null).toBe(status === 'ok')
  }
  expect((await runCli(['doctor'])).stdout).toMatch(/^ok {4}engine /)
})
