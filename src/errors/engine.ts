/** What the engine, an image or this host failed at. */
import { SandboxError, type SandboxErrorOptions } from './sandbox-error.js'

/** No engine answers: not installed, not running, no permission on its socket, or it stopped answering. */
export class EngineUnavailableError extends SandboxError {
  constructor(message: string, options?: SandboxErrorOptions) {
    super('ERR_ENGINE_UNAVAILABLE', message, { retryable: true, ...options })
  }
}

/** The engine answered a request with an error. `details.statusCode` is its HTTP status. */
export class EngineRequestError extends SandboxError {
  constructor(message: string, options?: SandboxErrorOptions) {
    super('ERR_ENGINE_REQUEST', message, options)
  }
}

/** A base image is missing or unfit, or an image could not be built. */
export class ImageError extends SandboxError {
  constructor(message: string, options?: SandboxErrorOptions) {
    super('ERR_IMAGE', message, options)
  }
}

/** A home cannot be packed: missing, unreadable, too large, or it holds what an image may not hold. */
export class HomeError extends SandboxError {
  constructor(message: string, options?: SandboxErrorOptions) {
    super('ERR_HOME', message, options)
  }
}

/** A file operation on the host failed during a transfer. Shaped like the errors of `node:fs`: `code` is the errno name. */
export class HostFileError extends SandboxError {
  readonly path: string

  constructor(errno: string, what: string, path: string, options?: SandboxErrorOptions) {
    super(errno, `${errno}: ${what} '${path}' on the host`, options)
    this.path = path
  }
}
