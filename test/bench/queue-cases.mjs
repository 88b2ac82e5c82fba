/** Rows about the queue. Builds are simulated: what is measured is who waits, and what the queue itself takes. */
import { setTimeout as sleep } from 'node:timers/promises'
import PQueue from 'p-queue'
import { TenantQueue } from 'container-sandbox'
import { elapsed, median } from './measure.mjs'

const BUILD_MS = 5
const CONCURRENCY = 4
const LIGHT_BUILDS = 20

const build = () => sleep(BUILD_MS)

function open() {
  return new TenantQueue({ concurrency: CONCURRENCY, maxWaiting: 1_000_000, maxWaitingPerTenant: 1_000_000 })
}

/** From the first submission of the light tenant's builds to the end of the last. */
function lightBuilds(queue) {
  return elapsed(() => Promise.all(Array.from({ length: LIGHT_BUILDS }, () => queue.add(build, { tenant: 'light' }))))
}

/**
 * A tenant's 20 builds beside another that has flooded the queue, against its fair share: two tenants of equal weight share the
 * machine, so its builds may take twice as long as when it is alone. The flood is of one name, then of one parent's 1,000 names.
 *
 * @returns {Promise<{ ours: number, floor: number, unit: string, alone: number, manyNames: number }>} medians
 */
export async function lightBesideFlood({ builds = 1_000, rounds = 7 } = {}) {
  const times = { alone: [], beside: [], manyNames: [] }
  const beside = async (tenantOf) => {
    const queue = open()
    for (let index = 0; index < builds; index++)
      void queue.add(build, { tenant: tenantOf(index) }).catch(() => undefined)
    await sleep(10 * BUILD_MS)
    const took = await lightBuilds(queue)
    if (queue.depth('flood').waiting === 0) throw new Error('the flood ended before the light tenant was served')
    queue.clear()
    await queue.onIdle()
    return took
  }
  for (let round = 0; round < rounds; round++) {
    times.alone.push(await lightBuilds(open()))
    times.beside.push(await beside(() => 'flood'))
    times.manyNames.push(await beside((index) => `flood/name${index}`))
  }
  const alone = median(times.alone)
  return { ours: median(times.beside), floor: 2 * alone, unit: 'ms', alone, manyNames: median(times.manyNames) }
}

/**
 * Jobs per second through a queue in which 10,000 always wait (of 1,000 tenants below 100 parents), against p-queue's own queue,
 * which knows no tenants. Each job that ends adds one.
 *
 * @returns {Promise<{ ours: number, floor: number, unit: string, cpuMicroseconds: number }>} medians; CPU time of one job
 */
export async function jobsPerSecond({ waiting = 10_000, jobs = 20_000, rounds = 5 } = {}) {
  const rates = { ours: [], floor: [] }
  const cpu = []
  const kinds = {
    ours: open,
    floor: () => new PQueue({ concurrency: CONCURRENCY }),
  }
  for (let round = -1; round < rounds; round++) {
    for (const [kind, openQueue] of Object.entries(kinds)) {
      const before = process.cpuUsage()
      const took = await churn(openQueue(), waiting, jobs)
      if (round < 0) continue
      rates[kind].push((jobs / took) * 1000)
      const { user, system } = process.cpuUsage(before)
      if (kind === 'ours') cpu.push((user + system) / (waiting + jobs))
    }
  }
  return { ours: median(rates.ours), floor: median(rates.floor), unit: 'jobs/s', cpuMicroseconds: median(cpu) }
}

async function churn(queue, waiting, jobs) {
  let left = jobs
  let added = 0
  const finished = new Promise((resolve) => {
    const add = () => {
      const tenant = `parent${added % 100}/name${added % 1_000}`
      added++
      void queue.add(job, { tenant, priority: added % 3 }).catch(() => undefined)
    }
    const job = async () => {
      left--
      if (left > 0) add()
      if (left === 0) resolve()
    }
    queue.pause()
    for (let index = 0; index < waiting; index++) add()
  })
  return elapsed(async () => {
    queue.start()
    await finished
    queue.clear()
  })
}
