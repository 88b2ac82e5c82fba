/**
 * The warm pool against a cold `create()`, in turn in one run.
 *
 *   node test/bench/pool-cases.mjs [rounds]    prints the medians, the 99th percentiles and their ratios
 */
import { ContainerSandbox, SandboxPool } from 'container-sandbox'
import { elapsed, median, quantile } from './measure.mjs'

const IDLE = 4

const summary = (times) => ({ p50: median(times), p99: quantile(times, 0.99) })

async function filled(pool) {
  const isFull = () => Object.values(pool.stats().templates).every((template) => template.idle === IDLE)
  while (!isFull()) await new Promise((resolve) => setTimeout(resolve, 5))
}

async function withPool(options, work) {
  const pool = await SandboxPool.open({ templates: { default: {} }, idle: IDLE, maxStarts: 2, ...options })
  try {
    return await work(pool)
  } finally {
    await pool.close({ force: true })
  }
}

/**
 * Each round takes what lies ready, one after the other, releases it and lets the pool fill up; then makes one sandbox cold. The last
 * of a round meets the starts that follow from the first.
 */
export function acquireWarm({ rounds }) {
  return withPool({}, async (pool) => {
    const times = { warm: [], cold: [], release: [] }
    for (let round = -2; round < rounds; round += 1) {
      const keep = (list, value) => round >= 0 && list.push(value)
      const leases = []
      for (let count = 0; count < IDLE; count += 1)
        keep(times.warm, await elapsed(async () => leases.push(await pool.acquire())))
      if (leases.some(({ warm }) => !warm)) throw new Error('the pool was not warm')
      for (const lease of leases) keep(times.release, await elapsed(() => lease.release()))
      await filled(pool)
      let sandbox
      keep(times.cold, await elapsed(async () => (sandbox = await ContainerSandbox.create())))
      await sandbox.kill()
    }
    return { ours: summary(times.warm), floor: summary(times.cold), release: summary(times.release), unit: 'ms' }
  })
}

/** Takes the next as soon as the pool has one, so that every acquire runs beside starts and ends. */
export function acquireBusy({ rounds }) {
  return withPool({}, async (pool) => {
    const warm = []
    while (warm.length < rounds * IDLE) {
      const lease = await pool.acquire()
      if (lease.warm) warm.push(lease.waitMs)
      await lease.sandbox.run('true')
      await lease.release()
    }
    return { ours: summary(warm), unit: 'ms' }
  })
}

/** Used again by one tenant: a warm acquire, and what clearing costs instead of an end and a start. */
export function acquireReused({ rounds }) {
  return withPool({ idle: 1, maxUses: 1000 }, async (pool) => {
    const times = { acquire: [], release: [] }
    for (let round = -2; round < rounds * IDLE; round += 1) {
      let lease
      const acquire = await elapsed(async () => (lease = await pool.acquire({ affinity: 'bench' })))
      await lease.sandbox.run('true')
      const release = await elapsed(() => lease.release())
      if (round < 0) continue
      times.acquire.push(acquire)
      times.release.push(release)
    }
    return { ours: summary(times.acquire), release: summary(times.release), unit: 'ms' }
  })
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const rounds = Number(process.argv[2] ?? 25)
  const show = ({ p50, p99 }) => `${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`
  const warm = await acquireWarm({ rounds })
  const [p50, p99] = ['p50', 'p99'].map((name) => (warm.floor[name] / warm.ours[name]).toFixed(1))
  console.log(`create(): ${show(warm.floor)}`)
  console.log(`acquire(), warm: ${show(warm.ours)}: 1/${p50} of create() (goal 1/40), p99 1/${p99} (goal 1/10)`)
  console.log(`release(): ${show(warm.release)}`)
  console.log(`acquire() beside starts and ends: ${show((await acquireBusy({ rounds })).ours)}`)
  const reused = await acquireReused({ rounds })
  console.log(`acquire() of a used one: ${show(reused.ours)}; its release(): ${show(reused.release)}`)
}
