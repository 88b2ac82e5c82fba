import PQueue, { TimeoutError } from 'p-queue'
import { setImmediate } from 'node:timers/promises'
import { afterEach, expect, test, vi } from 'vitest'
import { InvalidOptionsError, InvalidStateError, QueueFullError } from '../../../src/errors.js'
import type { FairJobOptions, FairQueueOptions } from '../../../src/options/index.js'
import { FairQueue } from '../../../src/queue/index.js'
import { HeldJobs, names } from './held-jobs.js'

afterEach(() => vi.useRealTimers())

/** A queue of one slot which `blocker` holds, so that all that follows waits. */
function open(options: FairQueueOptions = {}) {
  const queue = new PQueue<FairQueue, FairJobOptions>({ concurrency: 1, queueClass: FairQueue.with(options) })
  const jobs = new HeldJobs()
  const add = (name: string, job: FairJobOptions = {}) => queue.add(jobs.work(name), job)
  void add('blocker', { tenant: 'blocker' })
  const order = async () => (await jobs.drain()).slice(1).join(' ')
  return { queue, jobs, add, order }
}

test('two tenants take turns, whoever came first and however much each has', async () => {
  const { add, order } = open()
  for (const name of names('a', 5)) void add(name, { tenant: 'a' })
  for (const name of names('b', 3)) void add(name, { tenant: 'b' })
  expect(await order()).toBe('a0 b0 a1 b1 a2 b2 a3 a4')
})

test('it is a queueClass as it is, and jobs that name no tenant are one tenant, in order', async () => {
  const queue = new PQueue({ concurrency: 1, queueClass: FairQueue })
  const seen: number[] = []
  await Promise.all([1, 2, 3].map((value) => queue.add(() => seen.push(value))))
  expect(seen).toEqual([1, 2, 3])
  await queue.onIdle()
  expect(queue.size).toBe(0)
})

test('a tenant of weight 3 gets three of four turns', async () => {
  const { add, order } = open({ tenants: { a: { weight: 3 } } })
  for (const name of names('a', 9)) void add(name, { tenant: 'a' })
  for (const name of names('b', 9)) void add(name, { tenant: 'b' })
  const first = (await order()).split(' ').slice(0, 12)
  expect(first.filter((name) => name.startsWith('a'))).toHaveLength(9)
})

test('a job that costs 4 takes as much of the share as four of 1', async () => {
  const { add, order } = open()
  for (const name of names('a', 3)) void add(name, { tenant: 'a', cost: 4 })
  for (const name of names('b', 12)) void add(name, { tenant: 'b' })
  expect(await order()).toBe('b0 b1 b2 a0 b3 b4 b5 b6 a1 b7 b8 b9 b10 a2 b11')
})

test('many names below one parent share what the parent gets', async () => {
  const { add, order } = open()
  for (let index = 0; index < 6; index++) void add(`m${index}`, { tenant: `many/name${index}` })
  for (const name of names('b', 6)) void add(name, { tenant: 'b' })
  expect(await order()).toBe('m0 b0 m1 b1 m2 b2 m3 b3 m4 b4 m5 b5')
})

test("a parent's own jobs share with its children", async () => {
  const { add, order } = open()
  for (const name of names('own', 3)) void add(name, { tenant: 'acme' })
  for (const name of names('alice', 3)) void add(name, { tenant: 'acme/alice' })
  expect(await order()).toBe('own0 alice0 own1 alice1 own2 alice2')
})

test('within a tenant the higher priority goes first, then the first', async () => {
  const { add, order } = open()
  void add('low', { priority: -1 })
  void add('first')
  void add('second')
  void add('high', { priority: 5 })
  expect(await order()).toBe('high first second low')
})

test('no priority helps against another tenant', async () => {
  const { add, order } = open()
  for (const name of names('a', 2)) void add(name, { tenant: 'a' })
  for (const name of names('b', 2)) void add(name, { tenant: 'b', priority: 1000 })
  expect(await order()).toBe('a0 b0 a1 b1')
})

test.each([
  [60_000, 59_999, 'late early'],
  [60_000, 60_001, 'early late'],
  [null, 2_000_000, 'late early'],
])(
  'with ageingMs %s, one of priority 0 that has waited %s ms beside a new one of 1: %s',
  async (ageingMs, waitMs, expected) => {
    vi.useFakeTimers({ toFake: ['performance'] })
    const { add, order } = open({ ageingMs })
    void add('early', { priority: 0 })
    vi.advanceTimersByTime(waitMs)
    void add('late', { priority: 1 })
    expect(await order()).toBe(expected)
  },
)

test('setPriority of p-queue moves a job that waits, and tells of one that does not', async () => {
  const { queue, add, order } = open()
  void add('first')
  void add('second', { id: 'second' })
  queue.setPriority('second', 1)
  expect(() => queue.setPriority('other', 1)).toThrow(InvalidStateError)
  expect(() => queue.setPriority('second', 1e9)).toThrow(InvalidOptionsError)
  expect(await order()).toBe('second first')
})

test('sizeBy of p-queue filters by tenant, priority and id', async () => {
  const { queue, add, order } = open()
  void add('x', { tenant: 'a', priority: 1, id: 'x' })
  void add('y', { tenant: 'a' })
  void add('z', { tenant: 'b', priority: 1 })
  expect([
    queue.sizeBy({}),
    queue.sizeBy({ tenant: 'a' }),
    queue.sizeBy({ priority: 1 }),
    queue.sizeBy({ tenant: 'a', priority: 1 }),
    queue.sizeBy({ id: 'x' }),
  ]).toEqual([3, 2, 2, 1, 1])
  await order()
})

test('a signal takes a waiting job out at once, and it never runs', async () => {
  const { queue, jobs, add, order } = open()
  const controller = new AbortController()
  const canceled = add('canceled', { signal: controller.signal })
  void add('other')
  controller.abort(new Error('enough'))
  expect(queue.size).toBe(1)
  await expect(canceled).rejects.toThrow('enough')
  await expect(add('dead', { signal: controller.signal })).rejects.toThrow('enough')
  expect(await order()).toBe('other')
  expect(jobs.started).not.toContain('canceled')
})

test('pause, start, clear and onIdle work as ever', async () => {
  const { queue, jobs, add } = open()
  queue.pause()
  void add('cleared')
  await jobs.end('blocker')
  expect(jobs.started).toEqual(['blocker'])
  queue.clear()
  void add('kept')
  queue.start()
  await jobs.end('kept')
  await queue.onIdle()
  expect(jobs.started).toEqual(['blocker', 'kept'])
})

test("a job's error reaches who added it, and the next one starts", async () => {
  const queue = new PQueue<FairQueue, FairJobOptions>({ concurrency: 1, queueClass: FairQueue })
  const broken = queue.add(() => Promise.reject(new Error('broken')))
  const thrown = queue.add(() => {
    throw new Error('thrown')
  })
  const next = queue.add(() => 'fine')
  await expect(broken).rejects.toThrow('broken')
  await expect(thrown).rejects.toThrow('thrown')
  expect(await next).toBe('fine')
})

test('timeout of p-queue ends a job that takes too long', async () => {
  const queue = new PQueue<FairQueue, FairJobOptions>({ concurrency: 1, queueClass: FairQueue })
  const slow = queue.add(() => new Promise(() => undefined), { tenant: 'a', timeout: 10 })
  await expect(slow).rejects.toThrow(TimeoutError)
})

test('a job may add jobs while it starts', async () => {
  const queue = new PQueue<FairQueue, FairJobOptions>({ concurrency: 2, queueClass: FairQueue })
  const seen: number[] = []
  const fork = async (value: number): Promise<void> => {
    const below = value < 16 ? [queue.add(() => fork(2 * value)), queue.add(() => fork(2 * value + 1))] : []
    seen.push(value)
    await setImmediate()
    void Promise.all(below)
  }
  await queue.add(() => fork(1))
  await queue.onIdle()
  expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 31 }, (_, index) => index + 1))
})

test('the queue is bounded in all, per tenant and per parent; one that leaves makes room', async () => {
  const { add, order } = open({
    maxWaiting: 5,
    maxWaitingPerTenant: 2,
    tenants: { big: { maxWaiting: 3 } },
  })
  const full = async (tenant: string) => {
    const error: unknown = await add('refused', { tenant }).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(QueueFullError)
    return error as QueueFullError
  }
  void add('1', { tenant: 'a/x' })
  void add('2', { tenant: 'a/y' })
  const parent = await full('a/z')
  expect(parent.message).toBe(
    'The queue is full for the tenant "a": 2 of its jobs wait, 2 may. Try again later, or raise maxWaitingPerTenant or its own maxWaiting',
  )
  expect(parent.retryable).toBe(true)
  expect(parent.details).toEqual({ limit: 2, waiting: 2, tenant: 'a' })
  for (const name of ['3', '4']) void add(name, { tenant: 'big/x' })
  expect((await full('big/x')).details).toEqual({ limit: 2, waiting: 2, tenant: 'big/x' })
  const controller = new AbortController()
  const fifth = add('5', { tenant: 'big/y', signal: controller.signal })
  expect((await full('new')).details).toEqual({ limit: 5, waiting: 5 })
  controller.abort()
  await expect(fifth).rejects.toThrow('aborted')
  void add('6', { tenant: 'new' })
  expect((await order()).split(' ').toSorted().join('')).toBe('12346')
})

test('an id names one waiting job', async () => {
  const { add, order } = open()
  void add('one', { id: 'x' })
  await expect(add('two', { id: 'x' })).rejects.toThrow('A job with the id "x" is in the queue already')
  expect(await order()).toBe('one')
  void add('three', { id: 'x' })
  expect(await order()).toBe('one three')
})

test('a queue class without p-queue: depth and an empty dequeue', () => {
  const queue = new FairQueue()
  expect([queue.size, queue.waiting, queue.dequeue()]).toEqual([0, 0, undefined])
  queue.enqueue(() => Promise.resolve(), { tenant: 'a/b' })
  expect([queue.size, queue.waiting, queue.depth('a'), queue.depth('a/b'), queue.depth('b')]).toEqual([
    1,
    1,
    { waiting: 1 },
    { waiting: 1 },
    { waiting: 0 },
  ])
  expect(() => queue.depth('/')).toThrow(InvalidOptionsError)
})
