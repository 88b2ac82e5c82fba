import { execFileSync } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { DockerDriver } from '../../../src/driver/docker/index.js'
import { EngineUnavailableError } from '../../../src/errors.js'
import { busyboxSpec, ensureBusyboxImage } from '../../helpers/busybox.js'
import { type EngineSettings, PrivateEngine } from '../../helpers/engine.js'

const cleanups: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function start(settings: EngineSettings = {}) {
  const engine = await PrivateEngine.start(settings)
  cleanups.push(() => engine[Symbol.asyncDispose]())
  const connect = (createTimeoutMs: number) => {
    const driver = new DockerDriver({ host: engine.host, sweep: false, createTimeoutMs })
    cleanups.push(() => driver.close())
    return driver
  }
  // The first container of an engine takes its time on a busy machine.
  const driver = connect(60_000)
  await ensureBusyboxImage(driver.images)
  return { engine, driver, connect }
}

const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (error: unknown) => error,
  )

describe('an engine that is stopped', () => {
  it('fails a launch in time, and what it made of it later is removed', async () => {
    const { engine, driver, connect } = await start()
    const impatient = connect(2_000)
    await impatient.info()
    engine.pause()
    const started = performance.now()
    const error = await failureOf(impatient.launch(busyboxSpec('sleep 300')))
    expect(error).toBeInstanceOf(EngineUnavailableError)
    expect(performance.now() - started).toBeLessThan(10_000)
    engine.resume()
    await delay(500)
    await expect.poll(async () => (await driver.list()).length, { timeout: 30_000 }).toBe(0)
  })

  it('is told from the first request of a new driver', async () => {
    const { engine } = await start()
    engine.pause()
    const driver = new DockerDriver({ host: engine.host, requestTimeoutMs: 500 })
    expect(await failureOf(driver.info())).toMatchObject({ details: { code: 'ETIMEDOUT' } })
    await driver.close()
    engine.resume()
  })

  it('does not hang destroy(), and a later destroy() succeeds', async () => {
    const { engine, driver } = await start()
    const handle = await driver.launch(busyboxSpec('sleep 300'))
    engine.pause()
    const started = performance.now()
    expect(await failureOf(handle.destroy())).toBeInstanceOf(EngineUnavailableError)
    expect(performance.now() - started).toBeLessThan(60_000)
    expect(await handle.exited).toMatchObject({ cause: 'lost' })
    engine.resume()
    await handle.destroy()
    expect(await driver.list()).toEqual([])
  })
})

describe('an engine that is killed', () => {
  it('and stays away: the container is lost within seconds', async () => {
    const { engine, driver } = await start()
    const handle = await driver.launch(busyboxSpec('sleep 300'))
    await engine.kill()
    const started = performance.now()
    expect(await handle.exited).toEqual({ exitCode: null, signal: null, oomKilled: false, cause: 'lost' })
    expect(performance.now() - started).toBeLessThan(25_000)
    expect(await failureOf(driver.launch(busyboxSpec('true')))).toMatchObject({ details: { code: 'ECONNREFUSED' } })
    await engine.start()
    await handle.destroy()
    expect(await driver.list()).toEqual([])
  })

  it('and comes back without live-restore: it killed the container, and says so', async () => {
    const { engine, driver } = await start()
    const handle = await driver.launch(busyboxSpec('sleep 300'))
    await engine.kill()
    await engine.start()
    expect(await handle.exited).toMatchObject({ exitCode: 137, signal: 'SIGKILL', cause: 'exited' })
    await handle.destroy()
  })

  it('and comes back with live-restore: the end of attach was no exit', async () => {
    const { engine, driver } = await start({ liveRestore: true })
    const handle = await driver.launch(busyboxSpec('trap "exit 5" USR1; while :; do sleep 0.1; done'))
    const output = text(handle.output).catch(() => 'cut')
    await engine.kill()
    await output
    await engine.start()
    expect(await Promise.race([handle.exited, delay(500, 'running')])).toBe('running')
    execFileSync('docker', ['--host', engine.host, 'kill', '--signal', 'USR1', handle.id])
    expect(await handle.exited).toMatchObject({ exitCode: 5, cause: 'exited' })
    await handle.destroy()
    expect(await driver.list()).toEqual([])
  })
})

it('a container that is removed behind our back is over', async () => {
  const { engine, driver } = await start()
  const handle = await driver.launch(busyboxSpec('sleep 300'))
  const other = new DockerDriver({ host: engine.host, sweep: false })
  await other.remove(handle.name)
  expect((await handle.exited).exitCode).toBe(137)
  await handle.destroy()
  await other.close()
})
