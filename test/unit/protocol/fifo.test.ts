import { expect, test } from 'vitest'
import { Fifo } from '../../../src/protocol/fifo.js'

test('gives back in order, also when it grows while it shrinks', () => {
  const fifo = new Fifo<number>()
  const taken: (number | undefined)[] = []
  for (let item = 0; item < 10_000; item += 1) {
    fifo.push(item)
    if (item % 3 === 0) taken.push(fifo.shift())
  }
  expect(fifo.size).toBe(10_000 - taken.length)
  expect(fifo.peek()).toBe(taken.length)
  while (fifo.size > 0) taken.push(fifo.shift())
  expect(taken).toEqual(Array.from({ length: 10_000 }, (_, item) => item))
  expect(fifo.shift()).toBeUndefined()
})

test('clear releases everything', () => {
  const fifo = new Fifo<number>()
  fifo.push(1)
  fifo.clear()
  expect([fifo.size, fifo.peek(), fifo.shift()]).toEqual([0, undefined, undefined])
})
