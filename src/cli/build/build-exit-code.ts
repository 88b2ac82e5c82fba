/**
 * The exit code of `build`.
 *
 *     0       it succeeded
 *     1–255   that of the step that failed; 128 + n when signal n ended it; 1 when it failed beside its steps
 *     124     it, or a step, ran out of time
 *     125     we or the host failed: nothing is known about the build
 *     130     SIGINT canceled it; 143: SIGTERM
 *     137     a step was killed: for memory, CPU time or the trace policy
 */
import type { BuildResult } from '../../runner/build-events.js'
import { commandExitCode, EXIT_FAILURE, EXIT_KILLED, EXIT_TIMEOUT, signalExitCode } from '../exit-code.js'
import { failingStep } from './event-text.js'

/** It failed, but no step of it did: for example, its artifacts are larger than they may be. */
const EXIT_BUILD_FAILED = 1

/** @param received - the signal of this process that canceled it */
export function buildExitCode(result: BuildResult, received: NodeJS.Signals | null): number {
  switch (result.outcome) {
    case 'succeeded':
      return 0
    case 'timeout':
      return EXIT_TIMEOUT
    case 'jailbreak':
      return EXIT_KILLED
    case 'canceled':
      return received === null ? EXIT_KILLED : signalExitCode(received)
    case 'lost':
    case 'error':
      return EXIT_FAILURE
    case 'failed':
      return failedExitCode(result)
  }
}

function failedExitCode(result: BuildResult): number {
  const step = failingStep(result)
  if (step === null || step.outcome === 'skipped') return EXIT_BUILD_FAILED
  const { outcome, exitCode } = step
  return commandExitCode({ outcome, exitCode, signal: step.signal as NodeJS.Signals | null, lost: null })
}
