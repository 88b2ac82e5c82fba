/** Users and their logins. */
import { SandboxError, type SandboxErrorOptions } from './sandbox-error.js'

/** A user name is wrong, or no uid is left in the configured range. */
export class UserError extends SandboxError {
  constructor(message: string, options?: SandboxErrorOptions) {
    super('ERR_USER', message, options)
  }
}

/**
 * A login was refused. It never tells why: an unknown user, a wrong password, an expired account and too many attempts are one
 * and the same, and neither the name nor the password stands in it (people type passwords into the field for names).
 */
export class LoginFailedError extends SandboxError {
  /** After this time in milliseconds the next attempt is checked again; before it, attempts fail unseen. */
  readonly retryAfterMs: number

  constructor(retryAfterMs: number, options: SandboxErrorOptions = {}) {
    const wait = retryAfterMs > 0 ? ` Try again in ${Math.ceil(retryAfterMs / 1000)} s.` : ''
    super('ERR_LOGIN_FAILED', `Login failed.${wait}`, { ...options, details: { ...options.details, retryAfterMs } })
    this.retryAfterMs = retryAfterMs
  }
}

/** Nobody can log in, whoever it is: the password helper, the account database or the users' file cannot be used. */
export class LoginUnavailableError extends SandboxError {
  constructor(message: string, options?: SandboxErrorOptions) {
    super('ERR_LOGIN_UNAVAILABLE', message, options)
  }
}
