import { getEventListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, it } from 'vitest'
import type { SandboxLease } from '../../../src/pool/index.js'
import { Line, Waiter } from '../../../src/pool/line.js'

const late = (timeoutMs: number) => new Error(`late after ${timeoutMs}`)
const wait = (line: Line, options: Partial<ConstructorParameters<typeof Waiter>[0]> = {}) => {
  const waiter = new Waiter({ affinity: null, signal: null, timeoutMs: null, ...options }, late, (gone) =>
    line.leave(gone),
  )
  waiter.lease.catch(() => undefined)
  return waiter
}

it('is first come, first served, also for one that comes back', () => {
  const line = new Line()
  const waiters = Array.from({ length: 5 }, () => wait(line))
  for (const index of [0, 1, 3, 4]) line.join(waiters[index]!)
  expect(line.next()).toBe(waiters[0])
  line.join(waiters[2]!)
  line.join(waiters[0]!)
  expect(line.at(1)).toBe(waiters[1])
  expect(line.take(2)).toEqual(waiters.slice(0, 2))
  expect(line.take(Infinity)).toEqual(waiters.slice(2))
  expect(line.next()).toBeUndefined()
})

it('finds the oldest of one affinity, and nobody for none', () => {
  const line = new Line()
  const waiters = [null, 'a', 'b', 'b'].map((affinity) => wait(line, { affinity }))
  for (const waiter of waiters) line.join(waiter)
  expect(line.nextOf('b')).toBe(waiters[2])
  expect(line.nextOf('c')).toBeUndefined()
  expect(line.nextOf(null)).toBeUndefined()
  expect(line.length).toBe(3)
})

it('lets go of who gives up, and keeps neither a timer nor a listener of who is served', async () => {
  const line = new Line()
  const controller = new AbortController()
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const before = timers()
  const [late, aborted, served] = [
    wait(line, { timeoutMs: 5 }),
    wait(line, { signal: controller.signal }),
    wait(line, { signal: controller.signal, timeoutMs: 5 }),
  ]
  for (const waiter of [late, aborted, served]) line.join(waiter)
  const lease = {} as SandboxLease
  line.leave(served)
  served.resolve(lease)
  // Of the one that is late, and of the one that has not been aborted yet.
  expect(timers()).toBe(before + 1)
  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1)
  controller.abort(new Error('enough'))
  await expect(aborted.lease).rejects.toThrow('enough')
  await expect(late.lease).rejects.toThrow('late after 5')
  await delay(10)
  expect(await served.lease).toBe(lease)
  expect([line.length, late.isSettled]).toEqual([0, true])
})
