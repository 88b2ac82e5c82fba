/** Where accounts come from. An account is data; whether its mapped uid is free is decided by `UserAllocator.claim`. */
import type { AccountKey } from './user-registry.js'

/** An account that can have sandboxes. */
export interface DirectoryUser {
  /** The account for ever: what its uids are kept under. */
  readonly key: AccountKey
  /** The name inside the sandbox: 1 to 32 of `a-z`, `0-9`, `_` and `-`. */
  readonly name: string
  /** The mapped uid: in the container and on the host, and nobody else's. */
  readonly uid: number
  readonly gid: number
  /** Absolute host path of the user's files; `null` for an empty home. */
  readonly home: string | null
  /** The uid that must own `home` on the host, so that nobody is given files of somebody else; `null` checks nothing. */
  readonly homeOwner: number | null
}

/** The accounts of one source. */
export interface UserDirectory<U extends DirectoryUser = DirectoryUser> {
  /** Tells this source from all others, for example `unix` or `file:/etc/users.json`; attempts to log in are counted under it. */
  readonly id: string

  /**
   * The account of that name, written exactly so.
   *
   * @param name - untrusted text; what no account can be called is unknown, not an error
   * @returns `null` when there is none, or when it may not have a sandbox (root)
   * @throws {LoginUnavailableError} when the source does not answer, {@link UserError} when a file of users cannot be used
   */
  lookup(name: string, signal?: AbortSignal): Promise<U | null>

  /** Every account, as far as the source lists them. @throws {LoginUnavailableError} when the source does not answer */
  list(signal?: AbortSignal): Promise<readonly U[]>
}
