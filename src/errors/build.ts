/** What the pool, the queue and the build runner fail with. */
import { SandboxError, type SandboxErrorOptions } from './sandbox-error.js'

/** The queue holds as many waiting jobs as it may. `details` has `limit` and `waiting`, and `tenant` where it is the tenant's own cap. */
export class QueueFullError extends SandboxError {
  constructor(message: string, options?: SandboxErrorOptions) {
    super('ERR_QUEUE_FULL', message, { retryable: true, ...options })
  }
}

/** No sandbox of a pool became free within `timeoutMs`. */
export class AcquireTimeoutError extends SandboxError {
  constructor(message: string, options?: SandboxErrorOptions) {
    super('ERR_ACQUIRE_TIMEOUT', message, { retryable: true, ...options })
  }
}

/** The source of a build cannot be had or may not be placed. `details.why` tells in a word or two. */
export class SourceError extends SandboxError {
  constructor(message: string, options?: SandboxErrorOptions) {
    super('ERR_SOURCE', message, options)
  }
}

/** A workspace of the size that was asked for cannot be made on this host. */
export class WorkspaceError extends SandboxError {
  constructor(message: string, options?: SandboxErrorOptions) {
    super('ERR_WORKSPACE', message, options)
  }
}

/** The artifacts of a build may not be taken: too many, too large, or not what a pattern may reach. */
export class ArtifactError extends SandboxError {
  constructor(message: string, options?: SandboxErrorOptions) {
    super('ERR_ARTIFACT', message, options)
  }
}
