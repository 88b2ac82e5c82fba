/** How the sandbox of a build ended, read from the errors that tell of it. */
import { SandboxExitedError, StartupError } from '../errors.js'

/**
 * The end that `error` tells of, or `null` when it is about something else.
 *
 * At its start, a sandbox whose supervisor ends with an exit code has an unfit image, which is no such end; one that is killed or
 * that the engine loses is.
 */
export function sandboxEnd(error: unknown): SandboxExitedError | null {
  if (!(error instanceof StartupError)) return error instanceof SandboxExitedError ? error : null
  const { cause } = error
  if (!(cause instanceof SandboxExitedError)) return null
  return cause.signal !== null || cause.reason === 'engine' ? cause : null
}
