/**
 * Exit codes of the command line: those of `docker run`, and 124 as of `timeout` (coreutils).
 *
 *     0–255  the guest's own code; 128 + n when signal n ended it
 *     124    a deadline ended it: --timeout or the lifetime of the sandbox
 *     125    we or the host failed; nothing is known about the guest
 *     126    the command is there but cannot be executed
 *     127    the command is not there
 *     137    it was killed, also for a limit (memory, CPU time)
 */
import { constants } from 'node:os'
import type { SandboxExitedError } from '../errors.js'
import type { CommandOutcome } from '../sandbox/outcome.js'

/** The command ran out of time, as timeout(1) has it. */
export const EXIT_TIMEOUT = 124
/** The package or the engine failed, or was called wrongly, as `docker run` has it. */
export const EXIT_FAILURE = 125
/** 128 + SIGKILL: the command was ended by force. */
export const EXIT_KILLED = 137

/** The part of a command's result that its exit code depends on. */
export interface EndedCommand {
  readonly outcome: CommandOutcome
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  /** How the sandbox ended under the command, if it did. */
  readonly lost: Pick<SandboxExitedError, 'reason'> | null
}

/** 128 + the number of a signal, as shells report it. */
export function signalExitCode(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal]
}

/** The exit code for a command that was started. Pure. */
export function commandExitCode(ended: EndedCommand): number {
  switch (ended.outcome) {
    case 'exited':
    case 'outputLimit':
    case 'signaled':
      if (ended.signal !== null) return signalExitCode(ended.signal)
      return ended.exitCode ?? EXIT_FAILURE
    case 'timeout':
      return EXIT_TIMEOUT
    case 'cpuTime':
    case 'oom':
    case 'canceled':
    case 'jailbreak':
      return EXIT_KILLED
    case 'lost':
      return lostExitCode(ended.lost)
  }
}

function lostExitCode(lost: EndedCommand['lost']): number {
  switch (lost?.reason) {
    case 'lifetime':
      return EXIT_TIMEOUT
    case 'oom':
    case 'killed':
      return EXIT_KILLED
    default:
      return EXIT_FAILURE
  }
}
