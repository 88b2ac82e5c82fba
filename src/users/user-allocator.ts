import { join } from 'node:path'
import { UserError } from '../errors.js'
import {
  MAX_ID,
  parseUserRange,
  type ResolvedUser,
  type ResolvedUserRange,
  type UserRangeOptions,
} from '../options/index.js'
import { quoteText } from '../printable.js'
import { AnonymousLeases } from './anonymous-leases.js'
import { HostAccounts } from './host-accounts.js'
import { defaultStateFolder, openStateFolder } from './state-folder.js'
import { findSubordinateOwner } from './subordinate-ids.js'
import type { DirectoryUser } from './user-directory.js'
import { nameKey, type AccountKey, type UserRecord, type UserRecords } from './user-records.js'
import { UserRegistry } from './user-registry.js'

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
  readonly #accounts = new HostAccounts()
  #opened: Promise<void> | null = null

  /** @throws {InvalidOptionsError} */
  constructor(options: UserRangeOptions = {}) {
    this.#range = parseUserRange(options)
    this.stateDir = this.#range.stateDir ?? defaultStateFolder()
    const lockPath = join(this.stateDir, LOCK_FILE)
    this.#registry = new UserRegistry(this.stateDir, lockPath, this.#range, this.#accounts)
    this.#leases = new AnonymousLeases(join(this.stateDir, LEASE_FOLDER), lockPath, this.#range, this.#accounts)
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
      const { uid, gid } = await this.#registry.assign(nameKey(name), name)
      return identityOf(name, uid, gid, home)
    }
    const lease = await this.acquireAnonymous()
    return identityOf(null, lease.uid, lease.uid, home, () => lease.release())
  }

  /** A uid that no living sandbox has, until it is released. @throws {UserError} */
  async acquireAnonymous(): Promise<{ readonly uid: number; readonly gid: number; release(): Promise<void> }> {
    await this.#open()
    const named = new Set((await this.#registry.read()).all.map(({ uid }) => uid))
    const lease = await this.#leases.acquire(named)
    return { uid: lease.uid, gid: lease.uid, release: () => lease.release() }
  }

  /** Every account that has a uid, in the order in which they got them. @throws {UserError} */
  async list(): Promise<readonly UserRecord[]> {
    await this.#open()
    return (await this.#registry.read()).all
  }

  /**
   * The uid of an account of a directory: assigned once from the part of the range that is for names, kept for ever.
   *
   * @param name - what the account is called now
   * @throws {UserError} when no uid is left
   */
  async assign(key: AccountKey, name: string): Promise<UserRecord> {
    await this.#open()
    return this.#registry.assign(key, name)
  }

  /**
   * Makes sure that the uid of an account is its own, and keeps it so for ever: no other account gets a sandbox with it, of
   * whatever directory.
   *
   * @throws {UserError} when the uid or gid belongs to another account, to the host, or to a range for others
   */
  async claim(user: DirectoryUser): Promise<void> {
    await this.#open()
    const { name, uid, gid } = user
    if (isId(uid) && isId(gid)) {
      const check = (records: UserRecords) => this.#assertClaimable(user, records)
      const records = await this.#registry.read()
      const own = records.ownerOf(uid)
      // What is kept already needs no lock, but the host may have a new account since.
      if (own?.name === name && own.gid === gid) await check(records)
      else await this.#registry.keep({ ...user.key, name, uid, gid }, check)
      return
    }
    const words = `The user ${name} cannot have uid ${uid} and gid ${gid}: both must be from 1 to ${MAX_ID}.`
    throw new UserError(`${words} Choose another uidOffset.`, { details: { uid, gid } })
  }

  async #assertClaimable({ key, name, uid, gid }: DirectoryUser, records: UserRecords): Promise<void> {
    const own = records.ownerOf(uid)
    const isOwn = own?.source === key.source && own.account === key.account
    const { firstUid, firstAnonymousUid, lastUid } = this.#range
    const inRange = (id: number) => id >= firstUid && id <= lastUid
    const refuse = (kind: 'uid' | 'gid', id: number, why: string): never => {
      throw new UserError(`The user ${name} cannot have the ${kind} ${id}: ${why}`, { details: { [kind]: id } })
    }
    if (own !== undefined && !isOwn) {
      const other = `it belongs to the user ${own.name} (${quoteText(own.account)} of ${quoteText(own.source)}) for ever.`
      refuse('uid', uid, `${other} An account that was renamed on the host needs its old name or a new number there.`)
    }
    // A users' file that outlived its state folder brings its uids along, unless they are anonymous or somebody's by now.
    const isBrought = key.source === 'file' && uid < firstAnonymousUid
    if (inRange(uid) && !isOwn && !isBrought)
      refuse('uid', uid, `${firstUid} to ${lastUid} are given out by ${this.stateDir} alone.`)
    if (inRange(gid) && gid !== uid) refuse('gid', gid, `${firstUid} to ${lastUid} are given out together with uids.`)
    const group = records.all.find((record) => record.gid === gid && record.source !== key.source)
    if (group !== undefined) refuse('gid', gid, `it belongs to the user ${group.name} of ${quoteText(group.source)}.`)
    for (const [kind, id] of [
      ['uid', uid],
      ['gid', gid],
    ] as const) {
      if (await this.#accounts.has(id)) refuse(kind, id, 'it belongs to an account or a group of this host.')
      // Ids of the range are the caller's choice of range; they were given out without this check before.
      const owner = inRange(id) ? null : await findSubordinateOwner(kind, id)
      if (owner !== null) refuse(kind, id, `/etc/sub${kind} gives it to ${quoteText(owner)}. Choose another uidOffset.`)
    }
  }

  /** An explicit uid is the caller's own business, unless the range or another name has it. */
  async #assertFree(name: string | null, uid: number): Promise<void> {
    const records = await this.#registry.read()
    if (name !== null && records.ownerOf(uid)?.name === name) return
    const owner = records.all.find((record) => record.uid === uid || record.gid === uid)
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

function isId(id: number): boolean {
  return Number.isInteger(id) && id >= 1 && id <= MAX_ID
}
