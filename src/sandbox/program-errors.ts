/** What is told of a program that ended, was replaced, or was not loaded in time. */
import { ProgramError, StartupError, type LockupError } from '../errors.js'
import type { ExitReport } from './commands.js'
import { signalName } from './ending.js'
import { MAX_RESTARTS } from './restart-budget.js'

/** It ended by itself. */
export function programEnded({ exitCode, signal: number, oomKills }: ExitReport): ProgramError {
  const signal = signalName(number)
  const how = signal === null ? `exit code ${exitCode}` : `signal ${signal}`
  const why = oomKills > 0 && exitCode !== 0 ? ', the kernel killed a process for memory' : ''
  return new ProgramError(`the program ended (${how}${why})`, { details: { exitCode, signal, oomKills } })
}

/** The host ended it for another one. */
export function programReloaded(): ProgramError {
  return new ProgramError('the program was reloaded', { details: { reason: 'reload' } })
}

/** The host ended it because it did not answer. */
export function programLockedUp(cause: LockupError, isRestarted: boolean): ProgramError {
  const message = isRestarted
    ? 'the program locked up and was restarted'
    : `the program locked up and is not restarted again: ${MAX_RESTARTS} restarts within a minute`
  return new ProgramError(message, { cause, details: { reason: 'lockup' } })
}

/** Its files ran for too long. */
export function programNeverLoaded(startupMs: number, cause: unknown): StartupError {
  return new StartupError(`the program was not loaded within startupMs (${startupMs} ms)`, { cause })
}
