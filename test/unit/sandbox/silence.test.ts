import { expect, test, vi } from 'vitest'
import type { ContainerUsage } from '../../../src/driver/driver.js'
import { reasonOfSilence } from '../../../src/sandbox/silence.js'

const usage = (memoryBytes: number, memoryLimitBytes: number): ContainerUsage => ({
  ...{ memoryBytes, memoryLimitBytes, memoryPeakBytes: null, cpuMs: 0, pids: 0 },
})

test.each<[string, ContainerUsage, string]>([
  ['a full memory', usage(97, 100), 'oom'],
  ['as much as counts as full', usage(90, 100), 'oom'],
  ['a memory with room', usage(89, 100), 'lockup'],
  ['a container that is gone', usage(0, 0), 'lockup'],
])('%s', async (_name, used, reason) => {
  expect(await reasonOfSilence({ usage: () => Promise.resolve(used) })).toBe(reason)
})

test('an engine that fails tells nothing', async () => {
  expect(await reasonOfSilence({ usage: () => Promise.reject(new Error('gone')) })).toBe('lockup')
})

test('an engine that does not answer is not waited for', async () => {
  const asked = vi.fn(
    (signal?: AbortSignal) =>
      new Promise<never>((_resolve, reject) => {
        // A timer keeps this process alive, as a socket would: that of the signal does not.
        const timer = setInterval(() => undefined, 1_000)
        signal?.addEventListener('abort', () => {
          clearInterval(timer)
          reject(signal.reason as Error)
        })
      }),
  )
  expect(await reasonOfSilence({ usage: asked })).toBe('lockup')
  expect(asked).toHaveBeenCalledOnce()
})
