import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { AcquireTimeoutError, InvalidOptionsError, InvalidStateError } from '../../../src/errors.js'
import { ContainerSandbox } from '../../../src/index.js'
import type { PoolOptions } from '../../../src/options/pool-options.js'
import { SandboxPool } from '../../../src/pool/index.js'
import { addMetricSink, readGauge } from '../../../src/telemetry/index.js'
import { containersOf, engine, ownContainers, rejection, withSandbox } from '../../helpers/sandboxes.js'

const pools: SandboxPool[] = []
const keep = (pool: SandboxPool) => {
  pools.push(pool)
  return pool
}
const open = async (options: Partial<PoolOptions> = {}) =>
  keep(await SandboxPool.open({ templates: { small: {} }, ...options }))
const statsOf = (pool: SandboxPool, template = 'small') => pool.stats().templates[template]!
/** Resolves when the pool is at rest: as many idle as wanted, none being started. */
const filled = (pool: SandboxPool, idle: number) =>
  expect.poll(() => statsOf(pool), { timeout: 20_000, interval: 20 }).toMatchObject({ idle, starting: 0 })

afterEach(() => Promise.all(pools.splice(0).map((pool) => pool.close({ force: true }))))

describe('a warm pool', () => {
  it('hands out what is ready, refills, and ends what comes back', async () => {
    const pool = await open({ idle: 2 })
    expect(statsOf(pool)).toMatchObject({ idle: 2, starting: 0, used: 0, waiting: 0 })
    const lease = await pool.acquire()
    expect(lease).toMatchObject({ template: 'small', warm: true, use: 1 })
    expect((await lease.sandbox.run('echo', ['hello'])).stdout).toBe('hello\n')
    expect(statsOf(pool)).toMatchObject({ used: 1, warm: 1, cold: 0 })
    await filled(pool, 2)
    const { id } = lease.sandbox
    await Promise.all([lease.release(), lease.release({ reuse: true })])
    expect(await containersOf(id)).toEqual([])
    expect(lease.sandbox.state).toBe('exited')
    const { used, discards, waitMs, useMs } = statsOf(pool)
    expect({ used, discards: discards.used }).toEqual({ used: 0, discards: 1 })
    for (const { count, buckets } of [waitMs, useMs]) {
      expect(count).toBe(1)
      expect(buckets.reduce((sum, bucket) => sum + bucket.count, 0)).toBe(1)
    }
  })

  it('never gives one sandbox to two, nor twice', async () => {
    const pool = await open({ idle: 2, maxUses: 1 })
    const first = await Promise.all([1, 2, 3].map(() => pool.acquire({ affinity: 'acme' })))
    await Promise.all(first.map((lease) => lease.release()))
    const later = await pool.acquire({ affinity: 'acme' })
    expect(new Set([...first, later].map(({ sandbox }) => sandbox.id)).size).toBe(4)
    expect(statsOf(pool).reused).toBe(0)
  })

  it('replaces at once what ends while it is idle', async () => {
    const pool = await open({ idle: 1 })
    const [container] = await ownContainers()
    await engine.getContainer(container!).kill()
    await expect.poll(() => statsOf(pool).discards.ended, { timeout: 5_000, interval: 10 }).toBe(1)
    await filled(pool, 1)
    const [successor] = await ownContainers()
    expect(successor).not.toBe(container)
    expect((await pool.acquire()).warm).toBe(true)
  })

  it('gives up one that does not answer, and serves all the same', async () => {
    const pool = await open({
      idle: 1,
      pingTimeoutMs: 300,
      templates: { small: { timeouts: { pingIntervalMs: null } } },
    })
    const [container] = await ownContainers()
    await engine.getContainer(container!).pause()
    const { sandbox, warm } = await pool.acquire()
    expect({ warm, isOther: sandbox.containerId !== container }).toEqual({ warm: false, isOther: true })
    expect(statsOf(pool).discards.unhealthy).toBe(1)
    await expect.poll(ownContainers, { timeout: 20_000 }).not.toContain(container)
  })

  it('notices a lockup without being asked', async () => {
    const timeouts = { pingIntervalMs: 50, lockupMs: 200 }
    const pool = await open({ idle: 1, templates: { small: { timeouts } } })
    const [container] = await ownContainers()
    await engine.getContainer(container!).pause()
    await expect.poll(() => statsOf(pool).discards.ended, { timeout: 20_000, interval: 20 }).toBe(1)
    await filled(pool, 1)
  })

  it('replaces what is stale, the fresh one first', async () => {
    const pool = await open({ idle: 1, maxIdleMs: 300 })
    const [old] = await ownContainers()
    let least = 1
    const watch = setInterval(() => (least = Math.min(least, statsOf(pool).idle)), 5)
    await expect.poll(() => statsOf(pool).discards.stale, { timeout: 10_000, interval: 10 }).toBeGreaterThan(0)
    clearInterval(watch)
    expect(least).toBe(1)
    const lease = await pool.acquire()
    expect(lease.warm).toBe(true)
    expect(lease.sandbox.containerId).not.toBe(old)
  })

  it('hands out nothing in the second half of its lifetime', async () => {
    const limits = { lifetimeMs: 4_000 }
    const pool = await open({ idle: 1, maxIdleMs: 1_000, maxUses: 5, templates: { small: { limits } } })
    const young = await pool.acquire({ affinity: 'acme' })
    await young.release()
    const again = await pool.acquire({ affinity: 'acme' })
    expect(again.sandbox.id).toBe(young.sandbox.id)
    await delay(2_050)
    await again.release()
    expect(again.sandbox.state).toBe('exited')
    expect(statsOf(pool)).toMatchObject({ reused: 0 })
  })

  it('tells what it does', async () => {
    const messages: object[] = []
    const counted: object[] = []
    const gauge = () => readGauge('container_sandbox.pool.idle')
    const listen = (message: unknown) => messages.push(message as object)
    const names = ['container-sandbox:pool:acquire', 'container-sandbox:pool:discard']
    for (const name of names) subscribe(name, listen)
    const stop = addMetricSink({
      count: (name, value, attributes) => name.includes('.pool.') && counted.push({ name, value, ...attributes }),
      observe: (name, _value, attributes) => name.includes('.pool.') && counted.push({ name, ...attributes }),
    })
    try {
      const pool = await open({ idle: 1 })
      expect(gauge()).toEqual([{ value: 1, attributes: { template: 'small' } }])
      const lease = await pool.acquire()
      const { sandbox, waitMs } = lease
      await lease.release()
      const facts = { template: 'small', sandboxId: sandbox.id }
      expect(messages).toEqual([
        { ...facts, warm: true, waitMs },
        { ...facts, reason: 'used' },
      ])
      expect(counted).toEqual([
        { name: 'container_sandbox.pool.acquire.duration', template: 'small', kind: 'warm' },
        { name: 'container_sandbox.pool.use.duration', template: 'small' },
        { name: 'container_sandbox.pool.discards', value: 1, reason: 'used' },
      ])
      await pool.close()
      expect(gauge()).toEqual([])
    } finally {
      stop()
      for (const name of names) unsubscribe(name, listen)
    }
  })

  it('keeps each template apart', async () => {
    const templates = { one: { env: { NAME: 'one' } }, two: { env: { NAME: 'two' } } }
    const pool = await open({ templates, idle: { two: 1 } })
    expect([statsOf(pool, 'one').idle, statsOf(pool, 'two').idle]).toEqual([0, 1])
    for (const template of ['one', 'two']) {
      const lease = await pool.acquire({ template })
      expect(lease.warm).toBe(template === 'two')
      expect((await lease.sandbox.shell('echo $NAME')).stdout).toBe(`${template}\n`)
    }
    for (const call of [{ template: 'three' }, {}]) {
      const error = await rejection(pool.acquire(call))
      expect(error).toBeInstanceOf(InvalidOptionsError)
      expect((error as Error).message).toContain('one, two')
    }
  })
})

describe('an empty pool', () => {
  it('starts cold, first come, first served, and no more at once than it may', async () => {
    const pool = await open({ idle: 0, maxStarts: 2 })
    let most = 0
    const watch = setInterval(() => (most = Math.max(most, statsOf(pool).starting)), 1)
    const order: number[] = []
    const calls = [0, 1, 2, 3].map(async (index) => {
      const lease = await pool.acquire()
      order.push(index)
      expect(lease.warm).toBe(false)
    })
    await delay(1)
    expect(statsOf(pool)).toMatchObject({ waiting: 4, starting: 2 })
    await Promise.all(calls)
    clearInterval(watch)
    expect(order).toEqual([0, 1, 2, 3])
    expect(most).toBe(2)
    expect(statsOf(pool)).toMatchObject({ idle: 0, used: 4, cold: 4 })
  })

  it('lets a caller have what is being started for the idle count', async () => {
    const pool = keep(new SandboxPool({ templates: { small: {} }, idle: 1 }))
    await expect.poll(() => statsOf(pool).starting, { interval: 1 }).toBe(1)
    const call = pool.acquire()
    await delay(1)
    expect(statsOf(pool)).toMatchObject({ waiting: 1, starting: 1 })
    expect((await call).warm).toBe(false)
    await filled(pool, 1)
  })

  it('lets a call go by its deadline and its signal, and the start serve the next', async () => {
    const pool = await open({ idle: 0 })
    const controller = new AbortController()
    const calls = [pool.acquire({ timeoutMs: 5 }), pool.acquire({ signal: controller.signal })].map(rejection)
    const reason = new Error('enough')
    setTimeout(() => controller.abort(reason), 10)
    const [late, aborted] = await Promise.all(calls)
    expect(late).toBeInstanceOf(AcquireTimeoutError)
    expect(late).toMatchObject({ retryable: true, details: { template: 'small', timeoutMs: 5 } })
    expect(aborted).toBe(reason)
    expect(statsOf(pool)).toMatchObject({ waiting: 0, starting: 2 })
    const served = await pool.acquire()
    expect(served.waitMs).toBeGreaterThan(0)
    await expect.poll(() => statsOf(pool).discards.surplus, { timeout: 10_000 }).toBe(1)
    expect(statsOf(pool)).toMatchObject({ idle: 0, starting: 0, cold: 1 })
    expect(await rejection(pool.acquire({ signal: AbortSignal.abort(reason) }))).toBe(reason)
  })

  it('rejects the call with what its start failed with', async () => {
    const failures: unknown[] = []
    const templates = { bad: { base: 'no-such-image-anywhere:1' }, small: {} }
    const pool = keep(new SandboxPool({ templates, idle: { bad: 1 }, onDiagnostic: (error) => failures.push(error) }))
    const expected = await rejection(ContainerSandbox.create(templates.bad))
    for (let round = 0; round < 2; round += 1) {
      const error = await rejection(pool.acquire({ template: 'bad' }))
      expect(error).toMatchObject({ name: (expected as Error).name, message: (expected as Error).message })
    }
    expect((await pool.acquire({ template: 'small' })).warm).toBe(false)
    await delay(300)
    // Two calls, and few tries for the idle count: each fails within milliseconds, and the pauses between them double.
    expect(statsOf(pool, 'bad').failedStarts).toBeGreaterThanOrEqual(2)
    expect(statsOf(pool, 'bad').failedStarts).toBeLessThanOrEqual(6)
    expect(failures.length).toBeLessThanOrEqual(4)
  })

  it('serves all the same when what hears of failures throws', async () => {
    const templates = { bad: { base: 'no-such-image-anywhere:1' }, small: {} }
    const onDiagnostic = () => {
      throw new Error('nobody hears this')
    }
    const pool = keep(new SandboxPool({ templates, idle: 1, maxStarts: 1, onDiagnostic }))
    await expect.poll(() => statsOf(pool, 'bad').failedStarts, { timeout: 10_000, interval: 10 }).toBeGreaterThan(0)
    await filled(pool, 1)
  })

  it('opens by filling, or fails with nothing left', async () => {
    const templates = { small: {}, bad: { base: 'no-such-image-anywhere:1' } }
    const before = await ownContainers()
    await expect(SandboxPool.open({ templates })).rejects.toThrow('no-such-image-anywhere')
    const reason = new Error('enough')
    const signal = AbortSignal.abort(reason)
    expect(await rejection(SandboxPool.open({ templates: { small: {} } }, signal))).toBe(reason)
    expect(await ownContainers()).toEqual(before)
  })
})

describe('closing', () => {
  it('ends what lies and what starts, rejects who waits, and waits for what is out', async () => {
    const pool = await open({ idle: 1 })
    const lease = await pool.acquire()
    const waiting = [pool.acquire(), pool.acquire()].map(rejection)
    await delay(30)
    const closing = pool.close()
    for (const error of await Promise.all(waiting)) expect(error).toBeInstanceOf(InvalidStateError)
    expect(await rejection(pool.acquire())).toBeInstanceOf(InvalidStateError)
    let isClosed = false
    void closing.then(() => (isClosed = true))
    expect((await lease.sandbox.run('true')).exitCode).toBe(0)
    await delay(300)
    await expect.poll(ownContainers, { timeout: 20_000 }).toEqual([lease.sandbox.containerId])
    expect(isClosed).toBe(false)
    expect(lease.sandbox.state).toBe('ready')
    await lease.release()
    await closing
    expect(await ownContainers()).toEqual([])
    expect(statsOf(pool)).toMatchObject({ idle: 0, starting: 0, used: 0, waiting: 0 })
  })

  it('by force ends what is out as well, also later', async () => {
    const pool = await open({ idle: 2 })
    const lease = await pool.acquire()
    const exit = once(lease.sandbox, 'exit')
    const gentle = pool.close()
    await pool.close({ force: true })
    await Promise.all([gentle, exit])
    expect(await ownContainers()).toEqual([])
    await lease.release()
  })

  it('aborts what starts, and leaves nothing when it comes at once', async () => {
    const ready: unknown[] = []
    const listen = (message: unknown) => {
      const { sandboxId, error } = message as { sandboxId: string; error: unknown }
      if (error === null) ready.push(sandboxId)
    }
    subscribe('container-sandbox:sandbox:start', listen)
    try {
      for (const delayMs of [0, 5, 40]) {
        const pool = keep(new SandboxPool({ templates: { small: {} }, idle: 3 }))
        await delay(delayMs)
        await pool.close()
        expect(await ownContainers()).toEqual([])
        // What was under way would be ready before one that begins now.
        await withSandbox({}, ({ id }) => Promise.resolve(expect(ready.splice(0)).toEqual([id])))
      }
    } finally {
      unsubscribe('container-sandbox:sandbox:start', listen)
    }
  })
})
