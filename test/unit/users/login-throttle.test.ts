import { describe, expect, test } from 'vitest'
import { LoginThrottle, type Attempt } from '../../../src/users/login-throttle.js'

const limits = { freeFailures: 3, firstDelayMs: 1000, maxDelayMs: 60_000, forgetMs: 900_000, maxTracked: 1000 }

function setUp(changes: Partial<typeof limits> = {}) {
  const clock = { ms: 1 }
  const throttle = new LoginThrottle({ ...limits, ...changes }, () => clock.ms)
  /** Fails as soon as it may. @returns the waits */
  const fail = (attempt: Attempt, times: number) =>
    Array.from({ length: times }, () => {
      const waitMs = throttle.waitMs(attempt)
      clock.ms += waitMs
      throttle.failed(attempt)
      return waitMs
    })
  return { clock, throttle, fail }
}

const from = (origin: string | null, username = 'alice'): Attempt => ({ directory: 'unix', username, origin })

describe('one user', () => {
  test('waits twice as long each time, up to the cap', () => {
    const { fail } = setUp()
    expect(fail(from(null), 12)).toEqual([0, 0, 0, 0, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000])
  })

  test('also waits no longer than the cap after a million failures', () => {
    const { throttle, fail } = setUp()
    fail(from(null), 100_000)
    expect(throttle.waitMs(from(null))).toBe(60_000)
  })

  test('is free again after the right password', () => {
    const { throttle, fail, clock } = setUp()
    fail(from(null), 6)
    clock.ms += throttle.waitMs(from(null))
    throttle.succeeded(from(null))
    expect(fail(from(null), 4)).toEqual([0, 0, 0, 0])
  })

  test('is free again after a quiet time, and not before', () => {
    const { throttle, fail, clock } = setUp({ forgetMs: 5000 })
    fail(from(null), 5)
    clock.ms += 4000
    expect(fail(from(null), 1)).toEqual([0])
    expect(throttle.waitMs(from(null))).toBe(4000)
    clock.ms += 5001
    expect(fail(from(null), 4)).toEqual([0, 0, 0, 0])
  })

  test('does not make another user or another directory wait', () => {
    const { throttle, fail } = setUp()
    fail(from(null), 20)
    expect(throttle.waitMs(from(null))).toBeGreaterThan(0)
    expect(throttle.waitMs(from(null, 'bob'))).toBe(0)
    expect(throttle.waitMs({ ...from(null), directory: 'file:/x' })).toBe(0)
  })
})

describe('with an origin', () => {
  test('the attempts of an attacker do not make the user wait elsewhere', () => {
    const { throttle, fail } = setUp()
    fail(from('6.6.6.6'), 8)
    expect(throttle.waitMs(from('6.6.6.6'))).toBeGreaterThan(0)
    expect(throttle.waitMs(from('10.0.0.1'))).toBe(0)
  })

  test('guesses from many addresses are slowed down together', () => {
    const { throttle } = setUp()
    for (let index = 0; index < 31; index++) throttle.failed(from(`6.6.6.${index}`))
    expect(throttle.waitMs(from('6.6.7.1'))).toBe(1000)
  })

  test('but not where the user has logged in before', () => {
    const { throttle } = setUp()
    throttle.succeeded(from('10.0.0.1'))
    for (let index = 0; index < 100; index++) throttle.failed(from(`6.6.6.${index}`))
    expect(throttle.waitMs(from('6.6.7.1'))).toBe(60_000)
    expect(throttle.waitMs(from('10.0.0.1'))).toBe(0)
  })

  test('an origin that is trusted is bounded by its own failures', () => {
    const { throttle, fail } = setUp()
    throttle.succeeded(from('10.0.0.1'))
    expect(fail(from('10.0.0.1'), 6)).toEqual([0, 0, 0, 0, 1000, 2000])
    expect(throttle.waitMs(from('10.0.0.2'))).toBe(0)
  })

  test('one password tried on many names is slowed down, also by somebody with an account', () => {
    const { throttle } = setUp()
    for (let index = 0; index < 31; index++) {
      throttle.failed(from('6.6.6.6', `user${index}`))
      throttle.succeeded(from('6.6.6.6', 'mallory'))
    }
    expect(throttle.waitMs(from('6.6.6.6', 'bob'))).toBe(1000)
    expect(throttle.waitMs(from('10.0.0.1', 'bob'))).toBe(0)
  })
})

describe('the table', () => {
  test('does not grow beyond its bound, whatever names there are', () => {
    const { throttle } = setUp({ maxTracked: 100 })
    for (let index = 0; index < 5000; index++) throttle.failed(from(`o${index}`, 'x'.repeat(index)))
    expect(throttle.size).toBe(100)
  })

  test('a flood of names does not wash away the count of a user under attack', () => {
    const { throttle, fail } = setUp({ maxTracked: 100 })
    fail(from(null), 10)
    for (let index = 0; index < 5000; index++) throttle.failed(from(null, `flood${index}`))
    expect(throttle.waitMs(from(null))).toBeGreaterThan(0)
  })

  test('holds no name', () => {
    const { throttle } = setUp()
    throttle.failed(from('6.6.6.6', 'a password typed as a name'))
    expect(JSON.stringify(Object.values(throttle))).not.toContain('password')
  })
})
