import { join } from 'node:path'
import { UserError } from '../errors.js'
import { parseUserRange, type ResolvedUser, type ResolvedUserRange, type UserRangeOptions } from '../options/index.js'
import { AnonymousLeases } from './anonymous-leases.js'
import { HostAccounts } from './host-accounts.js'
import { defaultStateFolder, openStateFolder } from './state-folder.js'
import { UserRegistry, type UserRecord } from './user-registry.js'

const LOCK_FILE = 'lock'
const LEASE_FOLDER = 'leases'

/** Whom a sandbox runs as. */
export interface Identity {
  /** `null` for an anonymous user. */
  readonly name: string | null
  readonly uid: number
  readonly gid: number
  /** Absolute host path of the user's files; `null` for an empty home. */
  readonly home: string | null
  /** Gives an anonymous uid back; call it when the container is gone. Idempotent; does nothing for the others. */
  release(): Promise<void>
}

/**
 * Hands out uids and gids from a range of their own. A name keeps its uid for ever; an anonymous sandbox gets one that no living
 * sandbox of this state folder has. Safe with any number of processes, also when they are killed.
 */
export class UserAllocator {
  readonly stateDir: string
  readonly #range: ResolvedUserRange
  readonly #registry: UserRegistry
  readonly #leases: AnonymousLeases
  #opened: Promise<void> | null = null

  /** @throws {InvalidOptionsError} */
  constructor(options: UserRangeOptions = {}) {
    this.#range = parseUserRange(options)
    this.stateDir = this.#range.stateDir ?? defaultStateFolder()
    const accounts = new HostAccounts()
    const lockPath = join(this.stateDir, LOCK_FILE)
    this.#registry = new UserRegistry(this.stateDir, lockPath, this.#range, accounts)
    this.#leases = new AnonymousLeases(join(this.stateDir, LEASE_FOLDER), lockPath, this.#range, accounts)
  }

  /**
   * The identity of a sandbox.
   *
   * @throws {UserError} when no uid is left, the state folder cannot be used, or an explicit uid may belong to another user
   */
  async resolve(user: ResolvedUser): Promise<Identity> {
    await this.#open()
    const { name, home } = user
    if (user.uid !== null) {
      await this.#assertFree(name, user.uid)
      return identityOf(name, user.uid, user.gid ?? user.uid, home)
    }
    if (name !== null) {
      const { uid, gid } = await this.#registry.assign(name)
      return identityOf(name, uid, gid, home)
    }
    const lease = await this.acquireAnonymous()
    return identityOf(null, lease.uid, lease.uid, home, () => lease.release())
  }

  /** A uid that no living sandbox has, until it is released. @throws {UserError} */
  async acquireAnonymous(): Promise<{ readonly uid: number; readonly gid: number; release(): Promise<void> }> {
    await this.#open()
    const named = new Set([...(await this.#registry.read()).values()].map(({ uid }) => uid))
    const lease = await this.#leases.acquire(named)
    return { uid: lease.uid, gid: lease.uid, release: () => lease.release() }
  }

  /** Every name that has a uid, in the order in which they got them. @throws {UserError} */
  async list(): Promise<readonly UserRecord[]> {
    await this.#open()
    return [...(await this.#registry.read()).values()]
  }

  /** An explicit uid is the caller's own business, unless the range or another name has it. */
  async #assertFree(name: string | null, uid: number): Promise<void> {
    const records = await this.#registry.read()
    if (name !== null && records.get(name)?.uid === uid) return
    const owner = [...records.values()].find((record) => record.uid === uid || record.gid === uid)
    if (owner !== undefined) {
      throw new UserError(`The uid ${uid} belongs to the user ${owner.name}. Leave it out, or choose another one.`, {
        details: { uid },
      })
    }
    const { firstUid, lastUid } = this.#range
    if (uid < firstUid || uid > lastUid) return
    const words = `The uid ${uid} lies in the range that is given out to other users (${firstUid} to ${lastUid}).`
    throw new UserError(`${words} Leave it out, or choose one outside.`, { details: { uid, firstUid, lastUid } })
  }

  /** Once per allocator; a failure is tried again by the next call. */
  #open(): Promise<void> {
    this.#opened ??= openStateFolder(this.stateDir).catch((error: unknown) => {
      this.#opened = null
      throw error
    })
    return this.#opened
  }
}

function identityOf(
  name: string | null,
  uid: number,
  gid: number,
  home: string | null,
  release: () => Promise<void> = () => Promise.resolve(),
): Identity {
  return Object.freeze({ name, uid, gid, home, release })
}
