/** Turns what sockets and engines report into the package's errors. */
import { EngineRequestError, EngineUnavailableError, SandboxError } from '../../errors.js'
import { printable } from '../../printable.js'

/** Longest piece of an engine's own words in a message. */
const MAX_ENGINE_TEXT_LENGTH = 1_000

/** Connection failures that mean "no engine answers here", with what the caller can do about each. */
const ADVICE: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such socket: start the engine (`systemctl start docker`) or set DOCKER_HOST',
  ECONNREFUSED: 'nothing listens there: start the engine (`systemctl start docker`) or correct DOCKER_HOST',
  EACCES:
    'permission denied: add the user to the group docker (`usermod -aG docker <user>`, then log in again) or use a rootless engine',
  EPERM:
    'permission denied: add the user to the group docker (`usermod -aG docker <user>`, then log in again) or use a rootless engine',
  ENOTSOCK: 'the path is no socket: correct DOCKER_HOST',
  ENOTFOUND: 'the host name has no address: correct DOCKER_HOST',
  EAI_AGAIN: 'the host name cannot be resolved at the moment',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ETIMEDOUT: 'the host did not answer',
  ECONNRESET: 'the engine closed the connection before it answered; it may be restarting',
  EPIPE: 'the engine closed the connection before it answered; it may be restarting',
}

/** The fields of errors of sockets and of refused requests. */
interface WireError extends Error {
  readonly code?: string
  readonly statusCode?: number
}

/** Foreign text for a message, its lines joined to one. */
export function quoteForeignText(text: string, maxLength = MAX_ENGINE_TEXT_LENGTH): string {
  return printable(text.trim().replaceAll('\n', ' '), maxLength)
}

/** The HTTP status of an engine's refusal, or `null` when the engine did not answer at all. */
export function statusCodeOf(error: unknown): number | null {
  if (!(error instanceof EngineRequestError)) return null
  const { statusCode } = error.details
  return typeof statusCode === 'number' ? statusCode : null
}

/** `true` when the engine answered that it has no such container or image. */
export function isNotFound(error: unknown): boolean {
  return statusCodeOf(error) === 404
}

/**
 * @param what the attempted step, for example `create a container`
 * @param where the endpoint in words
 */
export function toEngineError(error: unknown, what: string, where: string): SandboxError {
  if (error instanceof SandboxError) return error
  const failure = error as WireError
  if (typeof failure.statusCode === 'number') {
    return new EngineRequestError(
      `The engine refused to ${what}: ${quoteForeignText(failure.message)} (HTTP ${failure.statusCode}).`,
      {
        details: { statusCode: failure.statusCode, request: what, endpoint: where },
        // 5xx covers an engine that is shutting down or a storage driver that is busy for the moment.
        retryable: failure.statusCode >= 500,
      },
    )
  }
  const code = failure.code ?? failure.name
  const advice = ADVICE[code] ?? quoteForeignText(failure.message)
  return new EngineUnavailableError(`No container engine answers at ${where} (cannot ${what}): ${code}, ${advice}.`, {
    details: { code, request: what, endpoint: where },
    cause: error,
  })
}

/** The request had no answer within its own deadline: a stopped engine accepts connections and stays silent. */
export function deadlineError(what: string, where: string, timeoutMs: number): EngineUnavailableError {
  return new EngineUnavailableError(
    `The container engine at ${where} did not answer within ${timeoutMs} ms (${what}): it may be stopped, overloaded or deadlocked.`,
    { details: { code: 'ETIMEDOUT', request: what, endpoint: where, timeoutMs } },
  )
}
