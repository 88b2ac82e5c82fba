/** The whole queue with p-queue and promises: what it may never do, after each step of any pattern. */
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SandboxError } from '../../../src/errors.js'
import type { TenantQueueOptions } from '../../../src/options/index.js'
import { TenantQueue } from '../../../src/queue/index.js'
import { cost, priority, tenant, TENANTS } from './arbitraries.js'
import { isBelow, levelsOf } from './reference-queue.js'

interface Job {
  readonly tenant: string
  readonly units: number
  readonly controller: AbortController
  state: 'waiting' | 'running' | 'done' | 'failed' | 'canceled' | 'cleared' | 'refused'
  /** What the promise settled with. */
  told: string | null
  starts: number
  settle: (error?: Error) => void
}

type Step =
  | { readonly do: 'add'; tenant: string; cost: number; priority: number; units: number; startsOther: boolean }
  | { readonly do: 'end' | 'fail' | 'cancel' | 'prioritize'; readonly which: number }
  | { readonly do: 'pause' | 'start' }
  | { readonly do: 'clear' }
  | { readonly do: 'settle' }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('add' as const),
      tenant,
      cost,
      priority,
      units: fc.constantFrom(0, 1, 3, 8),
      startsOther: fc.constantFrom(false, false, false, true),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('end', 'end', 'fail'), which: fc.nat(30) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('cancel', 'prioritize'), which: fc.nat(30) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('settle' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('pause', 'start', 'start', 'clear') }) },
)

const cap = fc.constantFrom(null, null, 1, 2)
const options: fc.Arbitrary<TenantQueueOptions & { capacity: number | null }> = fc.record({
  concurrency: fc.integer({ min: 1, max: 5 }),
  capacity: fc.constantFrom(null, 8, 10),
  maxRunningPerTenant: fc.constantFrom(null, 1, 3),
  maxWaiting: fc.constantFrom(5, 1000),
  ageingMs: fc.constantFrom(null, 1),
  tenants: fc.dictionary(tenant, fc.record({ weight: fc.constantFrom(0.5, 1, 3), maxRunning: cap })),
})

test('never over a cap, never idle while one may start, none lost, none run twice, no cancelled one run', async () => {
  await fc.assert(
    fc.asyncProperty(options, fc.array(step, { minLength: 10, maxLength: 80, size: 'max' }), async (given, steps) => {
      await new Run(given).play(steps)
    }),
    { numRuns: 150 },
  )
})

/** What a job's promise settles with, and how often the job ran. */
const ENDS: Readonly<Record<string, readonly [string, number]>> = {
  done: ['done', 1],
  failed: ['failed', 1],
  canceled: ['canceled', 0],
  cleared: ['ERR_INVALID_STATE', 0],
  refused: ['ERR_QUEUE_FULL', 0],
}

class Run {
  readonly #jobs: Job[] = []
  readonly #queue: TenantQueue
  readonly #options: TenantQueueOptions & { capacity: number | null }
  #isPaused = false

  constructor(given: TenantQueueOptions & { capacity: number | null }) {
    this.#options = given
    this.#queue = new TenantQueue(given)
  }

  async play(steps: readonly Step[]): Promise<void> {
    for (const each of steps) {
      await this.#do(each)
      this.#expectWithinCaps()
    }
    this.#queue.start()
    for (;;) {
      await setImmediate()
      const running = this.#having('running')
      if (running.length === 0) break
      for (const job of running) job.settle()
    }
    await this.#queue.onIdle()
    expect([this.#queue.waiting, this.#queue.running]).toEqual([0, 0])
    const expected = this.#jobs.map(({ state }) => ENDS[state])
    expect(this.#jobs.map(({ told, starts }) => [told, starts])).toEqual(expected)
  }

  async #do(each: Step): Promise<void> {
    if ('which' in each) return this.#doTo(each)
    if (each.do === 'add') return this.#add(each)
    if (each.do === 'pause' || each.do === 'start') {
      this.#isPaused = each.do === 'pause'
      return this.#queue[each.do]()
    }
    if (each.do === 'clear') {
      for (const job of this.#having('waiting')) job.state = 'cleared'
      return this.#queue.clear()
    }
    await setImmediate()
    this.#expectNoneIdle()
  }

  #doTo(each: Extract<Step, { which: number }>): void {
    const among = this.#having(each.do === 'end' || each.do === 'fail' ? 'running' : 'waiting')
    const job = among[each.which % Math.max(1, among.length)]
    if (job === undefined) return
    if (each.do === 'prioritize') this.#queue.setPriority(`job${this.#jobs.indexOf(job)}`, each.which % 3)
    else if (each.do === 'end') job.settle()
    else if (each.do === 'fail') job.settle(new Error('failed'))
    else {
      job.state = 'canceled'
      job.controller.abort(new Error('canceled'))
    }
  }

  #add(given: Extract<Step, { do: 'add' }>): void {
    const { startsOther, do: _do, ...options } = given
    const job: Job = {
      tenant: given.tenant,
      units: this.#options.capacity === null ? 0 : given.units,
      controller: new AbortController(),
      state: 'waiting',
      starts: 0,
      told: null,
      settle: () => undefined,
    }
    const id = `job${this.#jobs.push(job) - 1}`
    const work = (): Promise<void> => {
      job.state = 'running'
      job.starts++
      if (startsOther) this.#add({ ...given, startsOther: false })
      return new Promise((resolve, reject) => {
        job.settle = (error) => {
          job.state = error === undefined ? 'done' : 'failed'
          if (error === undefined) resolve()
          else reject(error)
        }
      })
    }
    this.#queue.add(work, { ...options, id, signal: job.controller.signal }).then(
      () => (job.told = 'done'),
      (error: Error) => (job.told = error instanceof SandboxError ? error.code : error.message),
    )
    // Refused at once: it does not wait.
    if (this.#queue.waiting < this.#having('waiting').length) job.state = 'refused'
  }

  #having(...states: Job['state'][]): Job[] {
    return this.#jobs.filter((job) => states.includes(job.state))
  }

  #count(name: string, ...states: Job['state'][]): number {
    return this.#having(...states).filter((job) => isBelow(job.tenant, name)).length
  }

  #capOf(name: string): number {
    return this.#options.tenants?.[name]?.maxRunning ?? this.#options.maxRunningPerTenant ?? Infinity
  }

  #freeUnits(): number {
    return (this.#options.capacity ?? Infinity) - this.#having('running').reduce((sum, { units }) => sum + units, 0)
  }

  #expectWithinCaps(): void {
    const over = TENANTS.filter((name) => this.#count(name, 'running') > this.#capOf(name))
    const miscounted = TENANTS.filter((name) => this.#queue.depth(name).waiting !== this.#count(name, 'waiting'))
    expect({ over, miscounted, waiting: this.#queue.waiting }).toEqual({
      over: [],
      miscounted: [],
      waiting: this.#count('', 'waiting'),
    })
    expect(this.#count('', 'running')).toBeLessThanOrEqual(this.#options.concurrency)
    expect(this.#freeUnits()).toBeGreaterThanOrEqual(0)
  }

  /** Work-conserving: with a place free, all that wait are at a cap, or one that does not fit is waited for. */
  #expectNoneIdle(): void {
    expect(this.#queue.running).toBe(this.#count('', 'running'))
    if (this.#isPaused || this.#count('', 'running') >= this.#options.concurrency) return
    const mayStart = this.#having('waiting').filter((job) =>
      levelsOf(job.tenant).every((name) => this.#count(name, 'running') < this.#capOf(name)),
    )
    if (mayStart.length === 0) return
    expect(mayStart.some(({ units }) => units > this.#freeUnits())).toBe(true)
  }
}
