import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { EventQueue, type ReadEvent } from '../../../src/trace/event-queue.js'
import type { TraceEvent } from '../../../src/trace/event.js'
import { access } from './events.js'

const event = (seq: number): TraceEvent => access({ path: `/f${seq}`, seq })

/** A gap as a negative number. */
const numberOf = (read: ReadEvent): number => (read.kind === 'gap' ? -read.dropped : read.seq)

async function readAll(reader: AsyncIterable<ReadEvent>): Promise<number[]> {
  const numbers: number[] = []
  for await (const read of reader) numbers.push(numberOf(read))
  return numbers
}

test('every reader gets every event from its opening to the end', async () => {
  const queue = new EventQueue()
  queue.push(event(1))
  const first = readAll(queue.open())
  queue.push(event(2))
  const second = readAll(queue.open())
  queue.push(event(3))
  queue.end()
  expect(await first).toEqual([2, 3])
  expect(await second).toEqual([3])
})

test('a slow reader loses the oldest and is told how many, another reader nothing', async () => {
  const queue = new EventQueue({ maxQueued: 3 })
  const slow = queue.open()
  const wide = queue.open({ maxQueued: 100 })
  for (let seq = 1; seq <= 10; seq += 1) queue.push(event(seq))
  expect(numberOf((await slow.next()).value as ReadEvent)).toBe(-7)
  queue.push(event(11))
  queue.end()
  expect(await readAll(slow)).toEqual([-1, 9, 10, 11])
  expect(await readAll(wide)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
})

test('long names take the room of many short ones, and the last event is always kept', async () => {
  const queue = new EventQueue({ maxQueuedUnits: 1_000 })
  const reader = queue.open()
  for (let seq = 1; seq <= 4; seq += 1) queue.push(access({ path: 'x'.repeat(600), seq }))
  queue.end()
  expect(await readAll(reader)).toEqual([-3, 4])
})

test('a reader that waits is woken by the next event, in the order of its calls', async () => {
  const queue = new EventQueue()
  const reader = queue.open()
  const reads = [reader.next(), reader.next()]
  await turn()
  queue.push(event(1))
  queue.push(event(2))
  expect((await Promise.all(reads)).map(({ value }) => numberOf(value as ReadEvent))).toEqual([1, 2])
})

describe('the end', () => {
  test('wakes who waits', async () => {
    const queue = new EventQueue()
    const reader = queue.open()
    const reads = [reader.next(), reader.next()]
    queue.end()
    expect(await Promise.all(reads)).toEqual([
      { done: true, value: undefined },
      { done: true, value: undefined },
    ])
  })

  test('as an error comes after what was queued, once to each reader', async () => {
    const queue = new EventQueue()
    const [one, two] = [queue.open(), queue.open()]
    queue.push(event(1))
    queue.end(new Error('torn'))
    for (const reader of [one, two]) {
      expect((await reader.next()).value).toMatchObject({ seq: 1 })
      await expect(reader.next()).rejects.toThrow('torn')
      expect(await reader.next()).toEqual({ done: true, value: undefined })
    }
    await expect(queue.open().next()).rejects.toThrow('torn')
  })

  test('is what a reader finds that comes later; later events are nobody’s', async () => {
    const queue = new EventQueue()
    queue.end()
    queue.push(event(1))
    expect(await readAll(queue.open())).toEqual([])
  })
})

test('leaving a loop frees the reader and what waits for it', async () => {
  const queue = new EventQueue()
  const reader = queue.open()
  queue.push(event(1))
  queue.push(event(2))
  for await (const read of reader) {
    expect(numberOf(read)).toBe(1)
    break
  }
  expect(queue.readers).toBe(0)
  queue.push(event(3))
  expect(await reader.next()).toEqual({ done: true, value: undefined })
})

test('return() ends a read that waits', async () => {
  const queue = new EventQueue()
  const reader = queue.open()
  const read = reader.next()
  await reader.return?.()
  expect(await read).toEqual({ done: true, value: undefined })
})
