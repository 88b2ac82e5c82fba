import { describe, expect, it } from 'vitest'
import { make, next, ready, textOf } from './run.js'

const ECHO = `rpc.expose('someCommand', function (object) { console.log('printed', object); return object })`

describe('Sandbox', () => {
  it('NS-T7 run() is followed by ready', async () => {
    const sandbox = make('')
    const surprises: unknown[] = []
    sandbox.on('lockup', (error) => surprises.push(error)).on('error', (error) => surprises.push(error))
    const isReady = next(sandbox, 'ready')
    expect(sandbox.run()).toBeUndefined()
    expect(sandbox._process).not.toBeNull()
    expect(await isReady).toEqual([])
    expect(surprises).toEqual([])
  })

  it('NS-T8 a call echoes an object while the program prints', async () => {
    const sandbox = await ready(ECHO)
    const text = textOf(sandbox, 'stdout')
    expect(await sandbox.rpc.call('someCommand', { foo: 'bar' })).toEqual({ foo: 'bar' })
    await expect.poll(text).toBe("printed { foo: 'bar' }\n")
  })

  it('NS-T9 stderr is what the program wrote there', async () => {
    const sandbox = make(`console.error('This is an error!')`)
    const text = textOf(sandbox, 'stderr')
    sandbox.run()
    await expect.poll(text, { timeout: 20_000 }).toBe('This is an error!\n')
  })

  it('NS-T10 pings are told with their latency', async () => {
    const sandbox = await ready('', { ping_interval: 10 })
    const [latencyMs] = await next(sandbox, 'ping')
    expect(latencyMs).toBeGreaterThanOrEqual(0)
  })

  it.each([
    ['NS-T11 at once', 'while (true) {}'],
    ['NS-T12 later', 'setTimeout(function () { while (true) {} }, 20)'],
  ])('%s: a program that loops is a lockup, and can be ended', async (_name, source) => {
    const times = { ping_interval: 10, lockup_timeout: 20, kill_with_fire_timeout: 10, startup_timeout: 200 }
    for (const startup_timeout of [200, 10_000]) {
      const sandbox = make(source, { ...times, startup_timeout })
      const exit = next(sandbox, 'exit')
      sandbox.once('lockup', () => sandbox.kill())
      const lockup = next(sandbox, 'lockup')
      sandbox.run()
      const [error] = await lockup
      expect(error).toBeInstanceOf(Error)
      expect(error.message).toBe('Lockup detected')
      expect(await exit).toEqual([null, expect.stringMatching(/^SIG(?:TERM|KILL)$/)])
      expect(sandbox._process).toBeNull()
    }
  })
})
