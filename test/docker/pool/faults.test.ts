import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EngineUnavailableError } from '../../../src/errors.js'
import { DockerDriver } from '../../../src/index.js'
import { SandboxPool } from '../../../src/pool/index.js'
import { PrivateEngine } from '../../helpers/engine.js'
import { withHostProcess } from '../../helpers/host-process.js'
import { engine as docker, rejection } from '../../helpers/sandboxes.js'

describe('an engine that goes away', () => {
  let engine: PrivateEngine
  let driver: DockerDriver
  beforeAll(async () => {
    engine = await PrivateEngine.start()
    driver = new DockerDriver({ host: engine.host, sweep: false, requestTimeoutMs: 5_000 })
  })
  afterAll(async () => {
    await driver.close()
    await engine[Symbol.asyncDispose]()
  })

  it('is neither hammered nor polled, and the next call fills the pool again', async () => {
    const failures: unknown[] = []
    const options = {
      templates: { small: {} },
      idle: 2,
      driver,
      onDiagnostic: (error: unknown) => failures.push(error),
    }
    const pool = await SandboxPool.open(options)
    try {
      const stats = () => pool.stats().templates['small']!
      const held = await pool.acquire()
      await expect.poll(() => stats().idle, { timeout: 20_000 }).toBe(2)
      await engine.kill()
      const errors = await Promise.all([1, 2, 3, 4].map(() => rejection(pool.acquire())))
      for (const error of errors) expect(error).toBeInstanceOf(EngineUnavailableError)
      // At most two tries at once for those four, and a few for the idle count: the pause between these doubles.
      expect(stats().failedStarts).toBeLessThanOrEqual(8)
      await engine.start()
      const lease = await pool.acquire()
      expect((await lease.sandbox.run('true')).exitCode).toBe(0)
      await expect.poll(() => stats().idle, { timeout: 20_000 }).toBe(2)
      await Promise.all([held.release(), lease.release()])
    } finally {
      await pool.close({ force: true })
    }
    expect((await driver.list()).filter(({ state }) => state === 'running')).toEqual([])
  })
})

it('a host process that is killed leaves nothing running: idle, handed out or starting', async () => {
  const label = `pool-test=${process.pid}`
  const script = `
    const { SandboxPool } = await import(process.env.PACKAGE + '/pool/index.js')
    const labels = { 'pool-test': '${process.pid}' }
    const pool = await SandboxPool.open({ templates: { small: { labels } }, idle: 2, maxUses: 2 })
    const lease = await pool.acquire()
    lease.sandbox.spawn('sleep', ['1000'])
    console.log('ready')
    await new Promise((resolve) => setTimeout(resolve, 100_000))`
  const left = async (all: boolean) =>
    (await docker.listContainers({ all, filters: { label: [label] } })).map(({ State }) => State)
  await withHostProcess(script, async (host) => {
    expect(String((await once(host.stdout, 'data'))[0])).toBe('ready\n')
    await delay(30) // into the start that replaces what was taken
    expect((await left(false)).length).toBeGreaterThanOrEqual(2)
    host.kill('SIGKILL')
    await once(host, 'exit')
    await expect.poll(() => left(false), { timeout: 15_000, interval: 100 }).toEqual([])
  })
  // What is left of them is their names, until the next sweep of any other process.
  const driver = new DockerDriver({ sweep: false })
  await driver.prune()
  await driver.close()
  expect(await left(true)).toEqual([])
})
