import { expect, test } from 'vitest'
import { buildExitCode } from '../../../../src/cli/build/build-exit-code.js'
import { describeResult } from '../../../../src/cli/build/event-text.js'
import type { BuildResult, StepResult } from '../../../../src/runner/build-events.js'
import { buildResult, HOSTILE, stepResult, UNSAFE } from './sample-events.js'

const error = { code: 'ERR_SOURCE', message: 'no such folder' }
const failed = (facts: Partial<StepResult>): Partial<BuildResult> => ({
  outcome: 'failed',
  steps: [
    stepResult({ exitCode: 9, continued: true }),
    stepResult({ index: 1, name: 'test', exitCode: null, ...facts }),
    stepResult({ index: 2, outcome: 'skipped', exitCode: null }),
  ],
})

test.each<[facts: Partial<BuildResult>, code: number, words: string, received?: NodeJS.Signals]>([
  [{ outcome: 'succeeded' }, 0, 'succeeded in 1.9s'],
  [failed({ exitCode: 1 }), 1, 'failed after 1.9s: step 2 of 3 (test): exit code 1'],
  [failed({ exitCode: 255 }), 255, 'failed after 1.9s: step 2 of 3 (test): exit code 255'],
  [failed({ exitCode: 125 }), 125, 'failed after 1.9s: step 2 of 3 (test): exit code 125'],
  [failed({ outcome: 'outputLimit', exitCode: 4 }), 4, 'failed after 1.9s: step 2 of 3 (test): exit code 4'],
  [failed({ outcome: 'signaled', signal: 'SIGSEGV' }), 139, 'failed after 1.9s: step 2 of 3 (test): ended by SIGSEGV'],
  [failed({ outcome: 'signaled', signal: 'SIGKILL' }), 137, 'failed after 1.9s: step 2 of 3 (test): ended by SIGKILL'],
  [failed({ outcome: 'timeout' }), 124, 'failed after 1.9s: step 2 of 3 (test): ran out of time'],
  [failed({ outcome: 'oom', exitCode: 2 }), 137, 'failed after 1.9s: step 2 of 3 (test): ran out of memory'],
  [failed({ outcome: 'cpuTime' }), 137, 'failed after 1.9s: step 2 of 3 (test): used up its CPU time'],
  [failed({ outcome: 'lost' }), 125, 'failed after 1.9s: step 2 of 3 (test): lost with its sandbox'],
  [{ outcome: 'failed', error }, 1, 'failed after 1.9s: no such folder'],
  [{ outcome: 'failed', steps: [] }, 1, 'failed after 1.9s'],
  [{ outcome: 'timeout', steps: [] }, 124, 'ran out of time after 1.9s'],
  [{ outcome: 'jailbreak', steps: [] }, 137, 'failed after 1.9s'],
  [{ outcome: 'lost', error }, 125, 'lost after 1.9s: no such folder'],
  [{ outcome: 'error', error }, 125, 'not done, after 1.9s: no such folder'],
  [{ outcome: 'canceled' }, 130, 'canceled after 1.9s', 'SIGINT'],
  [{ outcome: 'canceled' }, 143, 'canceled after 1.9s', 'SIGTERM'],
  [{ outcome: 'canceled' }, 129, 'canceled after 1.9s', 'SIGHUP'],
  [{ outcome: 'canceled' }, 137, 'canceled after 1.9s'],
  // It had ended before the signal could cancel it.
  [{ outcome: 'succeeded' }, 0, 'succeeded in 1.9s', 'SIGINT'],
])('%j: %i', (facts, code, words, received) => {
  const result = buildResult(facts)
  expect(buildExitCode(result, received ?? null)).toBe(code)
  expect(describeResult(result)).toBe(words)
})

test('what is told of a result is safe', () => {
  const hostile = { code: 'X', message: HOSTILE }
  expect(describeResult(buildResult({ outcome: 'error', error: hostile }))).not.toMatch(UNSAFE)
  expect(describeResult(buildResult(failed({ name: HOSTILE, outcome: 'signaled', signal: HOSTILE })))).not.toMatch(
    UNSAFE,
  )
})
