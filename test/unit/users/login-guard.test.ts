import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { LoginFailedError, LoginUnavailableError } from '../../../src/errors.js'
import { LoginGuard } from '../../../src/users/index.js'

const { signal } = new AbortController()
const alice = { directory: 'x', username: 'alice', origin: null }

async function timed<T>(work: () => Promise<T>) {
  const startedAt = performance.now()
  const result = await work().then(
    (value) => ({ value, error: null }),
    (error: unknown) => ({ value: null, error }),
  )
  return { ...result, ms: performance.now() - startedAt }
}

/** The shortest of some runs: what else the machine does can only make one longer. */
async function shortest(work: () => Promise<number>): Promise<number> {
  const times = []
  for (let run = 0; run < 7; run++) times.push(await work())
  return Math.min(...times)
}

describe('the time of an answer', () => {
  test.each<[string, () => Promise<string | null>]>([
    ['yes', () => Promise.resolve('user')],
    ['no', () => Promise.resolve(null)],
    ['no after a while', () => delay(30, null)],
    ['an error', () => Promise.reject(new LoginUnavailableError('no helper'))],
  ])('is the floor when it is %s', async (_what, check) => {
    const ms = await shortest(async () => {
      const guard = new LoginGuard({ minAnswerMs: 60 })
      return (await timed(() => guard.attempt(alice, signal, check))).ms
    })
    expect(ms).toBeGreaterThanOrEqual(60)
    expect(ms).toBeLessThan(70)
  })

  test('is a multiple of the floor when the check overran it, for all that follow too', async () => {
    for (const index of [0, 1]) {
      const ms = await shortest(async () => {
        const guard = new LoginGuard({ minAnswerMs: 50 })
        const slow = await timed(() => guard.attempt(alice, signal, () => delay(70, null)))
        const fast = await timed(() => guard.attempt(alice, signal, () => Promise.resolve(null)))
        return [slow.ms, fast.ms][index] ?? NaN
      })
      expect(ms).toBeGreaterThanOrEqual(100)
      expect(ms).toBeLessThan(115)
    }
  })

  test('without a floor tells what was found', async () => {
    const guard = new LoginGuard({ minAnswerMs: 0, freeFailures: 100 })
    const slow = await timed(() => guard.attempt(alice, signal, () => delay(70, null)))
    const fastMs = await shortest(
      async () => (await timed(() => guard.attempt(alice, signal, () => Promise.resolve(null)))).ms,
    )
    expect(slow.ms - fastMs).toBeGreaterThan(40)
  })

  test('does not tell through those who wait behind it', async () => {
    for (const check of [() => Promise.resolve(null), () => delay(30, null)]) {
      const ms = await shortest(async () => {
        const guard = new LoginGuard({ minAnswerMs: 50, maxConcurrent: 1 })
        const first = guard.attempt({ ...alice, username: 'bob' }, signal, check).catch(() => undefined)
        const second = await timed(() => guard.attempt(alice, signal, () => Promise.resolve('user')))
        await first
        return second.ms
      })
      expect(ms).toBeGreaterThanOrEqual(100)
      expect(ms).toBeLessThan(115)
    }
  })
})

describe('attempts', () => {
  test('fail with a wait, and are not looked at during it', async () => {
    const guard = new LoginGuard({ minAnswerMs: 0, freeFailures: 1, firstDelayMs: 5000 })
    let looks = 0
    const check = () => Promise.resolve((looks++, null))
    const errors = []
    for (let index = 0; index < 4; index++) errors.push((await timed(() => guard.attempt(alice, signal, check))).error)
    expect(looks).toBe(2)
    const waits = errors.map((error) => (error as LoginFailedError).retryAfterMs)
    expect(waits.slice(0, 1)).toEqual([0])
    for (const wait of waits.slice(1)) expect(wait).toBeGreaterThan(4000)
    for (const error of errors) expect(error).toBeInstanceOf(LoginFailedError)
    expect((errors[3] as Error).message).toBe('Login failed. Try again in 5 s.')
  })

  test('that come all at once are no more than those one after another', async () => {
    const guard = new LoginGuard({ minAnswerMs: 0, freeFailures: 3, firstDelayMs: 60_000 })
    let looks = 0
    const attempts = Array.from({ length: 200 }, () =>
      guard
        .attempt(alice, new AbortController().signal, async () => (looks++, await delay(1), null))
        .catch((error: unknown) => error),
    )
    for (const error of await Promise.all(attempts)) expect(error).toBeInstanceOf(LoginFailedError)
    expect(looks).toBe(4)
  })

  test('that are canceled count, and let their caller go at once', async () => {
    const guard = new LoginGuard({ minAnswerMs: 500, freeFailures: 1, firstDelayMs: 60_000 })
    for (let index = 0; index < 2; index++) {
      const controller = new AbortController()
      const attempt = guard.attempt(alice, controller.signal, () => delay(5000, null, { signal: controller.signal }))
      await delay(10)
      const { error, ms } = await timed(() => {
        controller.abort(new Error('gone'))
        return attempt
      })
      expect((error as Error).message).toBe('gone')
      expect(ms).toBeLessThan(450)
      await delay(600)
    }
    const { error } = await timed(() => guard.attempt(alice, signal, () => Promise.resolve('user')))
    expect((error as LoginFailedError).retryAfterMs).toBeGreaterThan(50_000)
  })

  test('that could not be checked do not count', async () => {
    const guard = new LoginGuard({ minAnswerMs: 0, freeFailures: 1 })
    for (let index = 0; index < 10; index++) {
      const down = () => Promise.reject(new LoginUnavailableError('down'))
      expect((await timed(() => guard.attempt(alice, signal, down))).error).toBeInstanceOf(LoginUnavailableError)
    }
    expect(await guard.attempt(alice, signal, () => Promise.resolve('user'))).toBe('user')
  })

  test('of other users do not wait for those of one', async () => {
    const guard = new LoginGuard({ minAnswerMs: 0 })
    let answer: (user: string) => void = () => undefined
    const slow = guard.attempt(alice, signal, () => new Promise<string>((resolve) => (answer = resolve)))
    const other = guard.attempt({ ...alice, username: 'bob' }, signal, () => Promise.resolve('user'))
    expect(await Promise.race([other, delay(5_000, 'waits')])).toBe('user')
    answer('user')
    expect(await slow).toBe('user')
  })

  test('beyond those that may wait fail at once', async () => {
    const guard = new LoginGuard({ minAnswerMs: 0, maxConcurrent: 1, maxWaiting: 2 })
    const attempts = Array.from({ length: 5 }, (_, index) =>
      guard.attempt({ ...alice, username: `u${index}` }, signal, () => delay(20, 'user')).catch(() => 'refused'),
    )
    expect(await Promise.all(attempts)).toEqual(['user', 'user', 'user', 'refused', 'refused'])
  })
})
