import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { DockerDriver } from '../../src/driver/docker/docker-driver.js'
import { finishCli, startCli, waitForOutput } from '../helpers/cli.js'

const driver = new DockerDriver()
afterAll(() => driver.close())

let count = 0
/** A label by which a test finds its own sandbox among those of others. */
const nextLabel = (): string => `${process.pid}-${(count += 1)}`
const sandboxesWith = async (label: string) =>
  (await driver.list()).filter(({ labels }) => labels['cli-test'] === label)

async function start(script: string, ...flags: string[]) {
  const label = nextLabel()
  const child = startCli(['run', '--label', `cli-test=${label}`, ...flags, '--', 'sh', '-c', script])
  await waitForOutput(child, 'ready\n')
  return { child, label }
}

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('%s reaches the command, which may handle it', async (signal) => {
  const name = signal.slice(3)
  const { child } = await start(`trap 'echo caught; exit 7' ${name}; echo ready; while :; do sleep 0.1; done`)
  child.kill(signal)
  expect(await finishCli(child)).toMatchObject({ code: 7, stdout: 'caught\n' })
})

test.each([
  ['SIGTERM', 143],
  ['SIGINT', 130],
  ['SIGHUP', 129],
] as const)('%s ends a command that does not handle it', async (signal, code) => {
  const { child, label } = await start('echo ready; exec sleep 60')
  expect(await sandboxesWith(label)).toHaveLength(1)
  child.kill(signal)
  expect(await finishCli(child)).toMatchObject({ code })
  expect(await sandboxesWith(label)).toEqual([])
})

test('a second SIGINT kills the command with its descendants', async () => {
  const { child, label } = await start('trap "" INT; (trap "" INT; sleep 60) & echo ready; while :; do sleep 0.1; done')
  child.kill('SIGINT')
  await delay(300)
  expect(child.exitCode).toBeNull()
  child.kill('SIGINT')
  expect(await finishCli(child)).toMatchObject({ code: 137 })
  expect(await sandboxesWith(label)).toEqual([])
})

test('a signal during the start leaves nothing behind', async () => {
  for (const delayMs of [0, 150, 300, 450, 600]) {
    const label = nextLabel()
    const child = startCli(['run', '--label', `cli-test=${label}`, '--', 'sleep', '60'])
    await delay(200 + delayMs)
    child.kill('SIGTERM')
    const { code, signal } = await finishCli(child)
    // Before its handlers are there, the signal ends the process itself.
    expect(signal === 'SIGTERM' || code === 143).toBe(true)
    expect(await sandboxesWith(label)).toEqual([])
  }
})

test('the sandbox does not outlive a process that was killed', async () => {
  const { child, label } = await start('echo ready; exec sleep 60')
  child.kill('SIGKILL')
  await finishCli(child)
  const deadline = Date.now() + 15_000
  const running = async () => (await sandboxesWith(label)).filter(({ state }) => state === 'running')
  while ((await running()).length > 0 && Date.now() < deadline) await delay(200)
  expect(await running()).toEqual([])
  await driver.prune()
  expect(await sandboxesWith(label)).toEqual([])
})

test('with --json the first signal cancels the command', async () => {
  const label = nextLabel()
  const child = startCli(['run', '--json', '--label', `cli-test=${label}`, '--', 'sleep', '60'])
  while ((await sandboxesWith(label)).every(({ state }) => state !== 'running')) await delay(50)
  await delay(2_000)
  child.kill('SIGINT')
  const { code, stdout } = await finishCli(child)
  expect(code).toBe(130)
  expect(JSON.parse(stdout)).toMatchObject({ outcome: 'canceled' })
})
