/** Who checks passwords. */

/** One attempt to log in. */
export interface Credentials {
  /** Untrusted text: not checked for being a name. */
  readonly username: string
  /** Untrusted text of any length. It must not go into an argument, a log, an error or the environment of a process. */
  readonly password: string
  readonly signal: AbortSignal
}

/**
 * Checks passwords. Called once for every attempt, also for names that do not exist: an implementation does the same work for
 * those. `LoginGuard` evens out what remains, counts attempts and bounds how many run at once.
 */
export interface Authenticator {
  /**
   * @returns whether this is the account's password and the account may log in now
   * @throws {LoginUnavailableError} when no password can be checked at all, whoever asks
   */
  authenticate(credentials: Credentials): Promise<boolean>
}

/** What stands in for a password that nobody can have, so that refusing it takes as long as checking one. */
export const PLACEHOLDER_PASSWORD = 'not a password'
