import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { SandboxExitedError } from '../../../src/errors.js'
import { parseBuildOptions } from '../../../src/options/index.js'
import { SecretMasker } from '../../../src/runner/output/index.js'
import { runStep, type StepContext } from '../../../src/runner/run-step.js'
import { BuildStopped } from '../../../src/runner/stop.js'
import { rejection } from '../../helpers/sandboxes.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('a supervisor that does not answer while secrets are placed loses its sandbox when the build is stopped', async () => {
  const { steps } = parseBuildOptions({
    tenant: 'acme',
    secrets: { KEY: 'hunter22' },
    steps: [{ run: 'true', secrets: [{ name: 'KEY', as: 'file' }] }],
  })
  const gone = new SandboxExitedError('gone', { exitCode: null, signal: null, reason: 'killed' })
  let killed = 0
  let end: (error: Error) => void = () => undefined
  const sandbox = {
    fs: { readdir: () => new Promise((_resolve, reject) => (end = reject)) },
    kill: () => {
      killed += 1
      end(gone)
      return Promise.resolve()
    },
  }
  const stop = new AbortController()
  const context = { sandbox, env: {}, secrets: { KEY: 'hunter22' }, masker: new SecretMasker([]), signal: stop.signal }
  const ended = rejection(runStep(steps[0]!, 0, context as unknown as StepContext))
  await vi.advanceTimersByTimeAsync(60_000)
  expect(killed).toBe(0)
  stop.abort(new BuildStopped('canceled'))
  await vi.advanceTimersByTimeAsync(60_000)
  expect(await ended).toBe(gone)
  expect(killed).toBe(1)
  expect(vi.getTimerCount()).toBe(0)
})
