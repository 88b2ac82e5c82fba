import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { InvalidOptionsError, InvalidStateError, QueueFullError } from '../../../src/errors.js'
import type { TenantJobOptions, TenantQueueOptions } from '../../../src/options/index.js'
import { TenantQueue } from '../../../src/queue/index.js'
import { HeldJobs, names } from './held-jobs.js'

function open(options: Partial<TenantQueueOptions> = {}) {
  const queue = new TenantQueue({ concurrency: 2, ...options })
  const jobs = new HeldJobs()
  const add = (name: string, tenant = 'a', job: Partial<TenantJobOptions> = {}) =>
    queue.add(jobs.work(name), { tenant, ...job })
  return { queue, jobs, add }
}

test('runs as many as concurrency says and returns what each returned', async () => {
  const { queue, jobs, add } = open()
  const results = Promise.all(names('a', 3).map((name) => add(name)))
  expect([queue.running, queue.waiting, queue.depth('a')]).toEqual([2, 1, { running: 2, waiting: 1 }])
  await jobs.end('a0')
  expect([queue.running, queue.waiting, jobs.started]).toEqual([2, 0, ['a0', 'a1', 'a2']])
  await jobs.end('a1', 'a2')
  expect(await results).toEqual(['a0', 'a1', 'a2'])
  expect([queue.running, queue.waiting, queue.depth('a')]).toEqual([0, 0, { running: 0, waiting: 0 }])
})

test('a tenant at its cap is passed over, and goes on as soon as one of its own has ended', async () => {
  const { jobs, add } = open({ concurrency: 3, tenants: { a: { maxRunning: 1 } } })
  for (const name of names('a', 3)) void add(name, 'a')
  for (const name of names('b', 2)) void add(name, 'b')
  expect(jobs.started).toEqual(['a0', 'b0', 'b1'])
  await jobs.end('b0')
  expect(jobs.started).toHaveLength(3)
  await jobs.end('a0')
  expect(jobs.started.slice(3)).toEqual(['a1'])
  await jobs.drain()
})

test('a cap of a parent holds for all below it together', async () => {
  const { queue, jobs, add } = open({
    concurrency: 9,
    maxRunningPerTenant: 3,
    tenants: { 'acme/b': { maxRunning: 1 } },
  })
  for (const name of names('x', 2)) void add(name, 'acme/b')
  for (const name of names('y', 4)) void add(name, 'acme/c')
  for (const name of names('z', 2)) void add(name, 'acme')
  expect(jobs.started).toEqual(['x0', 'y0', 'y1'])
  expect(queue.depth('acme')).toEqual({ running: 3, waiting: 5 })
  await jobs.end('x0')
  expect(queue.depth('acme')).toEqual({ running: 3, waiting: 4 })
  await jobs.drain()
})

test('the end of one job starts all that fit then', async () => {
  const { jobs, add } = open({ concurrency: 4, capacity: 8 })
  void add('large', 'a', { units: 8 })
  for (const name of names('small', 4)) void add(name, 'b', { units: 2 })
  expect(jobs.started).toEqual(['large'])
  await jobs.end('large')
  expect(jobs.started).toEqual(['large', ...names('small', 4)])
  await jobs.drain()
})

test('nothing overtakes the job whose turn it is and that does not fit, not even what has no units', async () => {
  const { jobs, add } = open({ concurrency: 4, capacity: 8 })
  void add('a', 'a', { units: 5 })
  void add('large', 'b', { units: 8 })
  void add('small', 'c', { units: 1 })
  void add('none', 'd')
  void add('urgent', 'b', { priority: 1000 })
  expect(jobs.started).toEqual(['a'])
  await jobs.end('a')
  expect(jobs.started).toEqual(['a', 'large'])
  await jobs.end('large')
  expect(jobs.started.slice(2).toSorted()).toEqual(['none', 'small', 'urgent'])
  await jobs.drain()
})

test('when the job that is waited for is cancelled, those behind it start at once', async () => {
  const { queue, jobs, add } = open({ concurrency: 4, capacity: 8 })
  const controller = new AbortController()
  void add('a', 'a', { units: 5 })
  const large = add('large', 'b', { units: 8, signal: controller.signal })
  for (const name of names('small', 3)) void add(name, 'c', { units: 1 })
  expect(queue.depth('b')).toEqual({ waiting: 1, running: 0 })
  controller.abort()
  expect(jobs.started).toEqual(['a', ...names('small', 3)])
  expect(queue.depth('b')).toEqual({ waiting: 0, running: 0 })
  await expect(large).rejects.toThrow('aborted')
  await jobs.drain()
})

test('a job that is larger than the capacity is refused', async () => {
  const { queue, add } = open({ capacity: 8 })
  const refused = add('huge', 'a', { units: 9 })
  await expect(refused).rejects.toThrow(InvalidOptionsError)
  await expect(refused).rejects.toThrow("A job of 9 units never fits into the queue's capacity of 8")
  expect([queue.waiting, queue.running]).toEqual([0, 0])
})

test('a full queue refuses at once and takes more when there is room', async () => {
  const { jobs, add } = open({ concurrency: 1, maxWaiting: 1 })
  void add('a0')
  void add('a1')
  await expect(add('a2')).rejects.toThrow(QueueFullError)
  await jobs.end('a0')
  void add('a3')
  expect(await jobs.drain()).toEqual(['a0', 'a1', 'a3'])
})

test('a waiting job that is cancelled leaves at once and never runs', async () => {
  const { queue, jobs, add } = open({ concurrency: 1 })
  const controller = new AbortController()
  void add('a0')
  const canceled = add('a1', 'x/y', { signal: controller.signal })
  controller.abort(new Error('not any more'))
  expect([queue.waiting, queue.depth('x')]).toEqual([0, { waiting: 0, running: 0 }])
  await expect(canceled).rejects.toThrow('not any more')
  await expect(add('a2', 'a', { signal: controller.signal })).rejects.toThrow('not any more')
  expect(await jobs.drain()).toEqual(['a0'])
})

test.each<[string, (queue: TenantQueue, controller: AbortController) => void]>([
  ['aborts its signal', (_queue, controller) => controller.abort()],
  ['clears the queue', (queue) => queue.clear()],
])('a job never runs when one that starts while it is added %s', async (_name, cancel) => {
  let hits = 0
  // In one of these moments the ended job has given its place back and p-queue has not looked for the next one.
  for (let turns = 0; turns < 12; turns++) {
    const { queue, jobs, add } = open({ concurrency: 2, capacity: 1 })
    const controller = new AbortController()
    let isAdding = false
    let isHit = false
    void add('first', 'a', { units: 1 })
    const canceler = queue.add(
      () => {
        isHit = isAdding
        if (isHit) cancel(queue, controller)
      },
      { tenant: 'a', units: 1 },
    )
    jobs.running.get('first')?.end()
    for (let turn = 0; turn < turns; turn++) await Promise.resolve()
    isAdding = true
    const added = add('added', 'b', { units: 1, signal: controller.signal })
    isAdding = false
    if (isHit) {
      hits++
      await expect(added).rejects.toThrow()
    }
    await canceler
    await jobs.drain()
    expect(jobs.started.includes('added')).toBe(!isHit)
    expect([queue.waiting, queue.running]).toEqual([0, 0])
  }
  expect(hits).toBeGreaterThan(0)
})

test('a running job that is cancelled keeps its place until it has ended', async () => {
  const { queue, jobs, add } = open({ concurrency: 1, tenants: { a: { maxRunning: 1 } } })
  const controller = new AbortController()
  let told = false
  const work = jobs.work('a0')
  const running = queue.add(
    ({ signal }) => {
      signal.addEventListener('abort', () => (told = true))
      return work()
    },
    { tenant: 'a', signal: controller.signal },
  )
  void add('a1')
  controller.abort()
  await setImmediate()
  expect([told, queue.running, jobs.started]).toEqual([true, 1, ['a0']])
  await jobs.end('a0')
  expect(await running).toBe('a0')
  expect(jobs.started).toEqual(['a0', 'a1'])
  await jobs.drain()
})

test('a job that fails or throws gives its place back and fails alone', async () => {
  const { queue, jobs, add } = open({ concurrency: 1, capacity: 1, maxRunningPerTenant: 1 })
  const thrown = queue.add(
    () => {
      throw new Error('thrown')
    },
    { tenant: 'a', units: 1 },
  )
  const failed = add('a1', 'a', { units: 1 })
  void add('a2', 'a', { units: 1 })
  await expect(thrown).rejects.toThrow('thrown')
  jobs.running.get('a1')?.fail(new Error('failed'))
  await expect(failed).rejects.toThrow('failed')
  expect(await jobs.drain()).toEqual(['a1', 'a2'])
})

test('onIdle waits for what waits and runs, and for nothing when all that waited was cancelled', async () => {
  const { queue, jobs, add } = open({ concurrency: 1 })
  await queue.onIdle()
  const controller = new AbortController()
  queue.pause()
  const canceled = add('a0', 'a', { signal: controller.signal })
  let isIdle = false
  const idle = queue.onIdle().then(() => (isIdle = true))
  await setImmediate()
  expect(isIdle).toBe(false)
  controller.abort()
  await idle
  await expect(canceled).rejects.toThrow()
  queue.start()
  void add('a1')
  void add('a2')
  const second = queue.onIdle()
  await jobs.drain()
  await second
  expect([queue.waiting, queue.running]).toEqual([0, 0])
})

test('pause keeps what runs and starts nothing; start starts all that may', async () => {
  const { queue, jobs, add } = open()
  void add('a0')
  queue.pause()
  for (const name of names('b', 3)) void add(name)
  await jobs.end('a0')
  expect([jobs.started, queue.waiting]).toEqual([['a0'], 3])
  queue.start()
  expect(jobs.started).toEqual(['a0', 'b0', 'b1'])
  await jobs.drain()
})

test('clear rejects all that wait; caps still count what runs', async () => {
  const { queue, jobs, add } = open({ concurrency: 2, capacity: 3, maxRunningPerTenant: 1 })
  void add('a0', 'a', { units: 2 })
  const waiting = [add('a1', 'a'), add('b0', 'b', { units: 2 }), add('c0', 'c')]
  queue.clear()
  for (const each of waiting) await expect(each).rejects.toThrow(InvalidStateError)
  expect([queue.waiting, queue.running]).toEqual([0, 1])
  void add('a2', 'a')
  void add('b1', 'b', { units: 1 })
  expect(jobs.started).toEqual(['a0', 'b1'])
  expect(await jobs.drain()).toEqual(['a0', 'b1', 'a2'])
})

test('setPriority moves a job among its own', async () => {
  const { queue, jobs, add } = open({ concurrency: 1 })
  void add('running', 'a', { id: 'running' })
  void add('a0')
  void add('a1', 'a', { id: 'a1' })
  queue.setPriority('a1', 1)
  expect(() => queue.setPriority('running', 1)).toThrow(InvalidStateError)
  expect(() => queue.setPriority('a1', NaN)).toThrow(InvalidOptionsError)
  expect(await jobs.drain()).toEqual(['running', 'a1', 'a0'])
})

test('an id names one job until that has ended', async () => {
  const { jobs, add } = open({ concurrency: 1 })
  void add('one', 'a', { id: 'x' })
  await expect(add('two', 'a', { id: 'x' })).rejects.toThrow('A job with the id "x" is in the queue already')
  await jobs.end('one')
  void add('three', 'a', { id: 'x' })
  expect(await jobs.drain()).toEqual(['one', 'three'])
})

test('a job may add jobs, to a queue that is full of its own as well', async () => {
  const { queue } = open({ concurrency: 1, maxWaiting: 2, maxRunningPerTenant: 1, capacity: 1 })
  const seen: string[] = []
  const child = (name: string) => queue.add(() => seen.push(name), { tenant: 'a/b', units: 1 })
  const below: Promise<number>[] = []
  await queue.add(
    async () => {
      below.push(child('first'))
      await setImmediate()
      below.push(child('second'))
      await expect(child('third')).rejects.toThrow(QueueFullError)
    },
    { tenant: 'a', units: 1 },
  )
  await Promise.all(below)
  expect(seen).toEqual(['first', 'second'])
})

test('a job runs in the asynchronous context of who added it, whatever made room for it', async () => {
  const { queue } = open({ concurrency: 1 })
  const context = new AsyncLocalStorage<string>()
  const add = (tenant: string) =>
    context.run(tenant, () => queue.add(() => setImmediate().then(() => context.getStore()), { tenant }))
  expect(await Promise.all(['a', 'b', 'c'].map(add))).toEqual(['a', 'b', 'c'])
})
