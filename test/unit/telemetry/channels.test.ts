import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel'
import { expect, expectTypeOf, it, vi } from 'vitest'
import { CHANNELS, publish, type ChannelMessages } from '../../../src/telemetry/index.js'

const NAME = 'container-sandbox:queue:reject'

it('makes no message when nobody listens, and one for all who do', () => {
  const make = vi.fn(() => ({ tenant: 'acme', waiting: 1, limit: 1 }))
  publish(NAME, make)
  expect(make).not.toHaveBeenCalled()
  const [first, second] = [vi.fn(), vi.fn()]
  subscribe(NAME, first)
  subscribe(NAME, second)
  publish(NAME, make)
  unsubscribe(NAME, first)
  unsubscribe(NAME, second)
  publish(NAME, make)
  expect(make).toHaveBeenCalledTimes(1)
  for (const listener of [first, second])
    expect(listener.mock.calls).toEqual([[{ tenant: 'acme', waiting: 1, limit: 1 }, NAME]])
})

it('takes no message of another shape', () => {
  // @ts-expect-error a number is missing
  publish(NAME, () => ({ tenant: 'acme', waiting: 1 }))
  expectTypeOf<keyof ChannelMessages>().toEqualTypeOf<keyof typeof CHANNELS>()
})

it('names channels of the package alone', () => {
  for (const name of Object.keys(CHANNELS)) {
    expect(name).toMatch(/^container-sandbox:[a-z]+:[a-z]+$/)
    expect(channel(name).hasSubscribers).toBe(false)
  }
})
