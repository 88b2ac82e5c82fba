/**
 * The state file: which account has which uid, for ever.
 *
 * Reading takes no lock, because the file is only ever replaced as a whole. Assigning holds the lock, reads again, and returns
 * only when the new file is on the disk: a uid that was handed out is never handed out to another account.
 */
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../errors.js'
import type { ResolvedUserRange } from '../options/index.js'
import { replaceFile, TEMPORARY_SUFFIX } from './atomic-file.js'
import { withFileLock } from './file-lock.js'
import type { HostAccounts } from './host-accounts.js'
import { StateProblem, UserRecords, type AccountKey, type UserRecord } from './user-records.js'

export type { AccountKey, UserRecord } from './user-records.js'

const STATE_FILE = 'users.json'

/** The uids of accounts, kept for ever in a file that processes share. */
export class UserRegistry {
  readonly #folder: string
  readonly #path: string
  readonly #lockPath: string
  readonly #range: ResolvedUserRange
  readonly #accounts: HostAccounts

  /** @param folder - a state folder that was opened; `lockPath` is shared with everything else that changes it */
  constructor(folder: string, lockPath: string, range: ResolvedUserRange, accounts: HostAccounts) {
    this.#folder = folder
    this.#path = join(folder, STATE_FILE)
    this.#lockPath = lockPath
    this.#range = range
    this.#accounts = accounts
  }

  /**
   * Every account that ever got a uid.
   * @throws {UserError} when the state file is damaged; it is then left as it is
   */
  async read(): Promise<UserRecords> {
    let text
    try {
      text = await readFile(this.#path, 'utf8')
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      if (code === 'ENOENT') return new UserRecords()
      throw new UserError(`Cannot read the state file ${this.#path}: ${code}`, { cause, details: { path: this.#path } })
    }
    return this.#parse(text)
  }

  /**
   * The record of an account; one with a new uid of the range when it has none.
   *
   * @param name - what the account is called now
   * @throws {UserError} when the range is exhausted or the state file is damaged
   */
  async assign(key: AccountKey, name: string): Promise<UserRecord> {
    const known = (await this.read()).find(key)
    if (known !== undefined) return known
    return withFileLock(this.#lockPath, async () => {
      const records = await this.read()
      const raced = records.find(key)
      if (raced !== undefined) return raced
      const uid = await this.#chooseUid(records)
      return this.#add(records, { ...key, name, uid, gid: uid })
    })
  }

  /**
   * Keeps a uid that was chosen elsewhere, and what its account is called now.
   *
   * @param check - whether the account may have it; throws when not, called under the lock
   */
  async keep(
    wanted: AccountKey & Pick<UserRecord, 'name' | 'uid' | 'gid'>,
    check: (records: UserRecords) => Promise<void>,
  ): Promise<void> {
    await withFileLock(this.#lockPath, async () => {
      const records = await this.read()
      await check(records)
      const known = records.ownerOf(wanted.uid)
      if (known?.name !== wanted.name || known.gid !== wanted.gid) await this.#add(records, wanted)
    })
  }

  async #add(records: UserRecords, wanted: Omit<UserRecord, 'createdAt'>): Promise<UserRecord> {
    const { name, uid, gid, source, account } = wanted
    const record = Object.freeze({ name, uid, gid, createdAt: new Date().toISOString(), source, account })
    await this.#removeLeftovers()
    await replaceFile(this.#path, records.with(record).format(), { durable: true })
    return record
  }

  async #chooseUid(records: UserRecords): Promise<number> {
    const { firstUid, firstAnonymousUid } = this.#range
    const lastUid = firstAnonymousUid - 1
    const taken = new Set(records.all.flatMap((record) => [record.uid, record.gid]))
    for (let uid = firstUid; uid <= lastUid; uid++) {
      if (!taken.has(uid) && !(await this.#accounts.has(uid, lastUid))) return uid
    }
    throw new UserError(
      `No uid is left for a new user: all of ${firstUid} to ${lastUid} are assigned or belong to accounts of this host. ` +
        'Widen the range with the options users.firstUid and users.lastUid; assigned uids stay as they are.',
      { details: { firstUid, lastUid, assigned: records.all.length } },
    )
  }

  /** Under the lock nobody else writes, so what is left belongs to a process that died. */
  async #removeLeftovers(): Promise<void> {
    const names = await readdir(this.#folder)
    const leftovers = names.filter((name) => name.startsWith(`${STATE_FILE}.`) && name.endsWith(TEMPORARY_SUFFIX))
    await Promise.all(leftovers.map((name) => rm(join(this.#folder, name), { force: true })))
  }

  #parse(text: string): UserRecords {
    try {
      return UserRecords.parse(text)
    } catch (error) {
      if (!(error instanceof StateProblem)) throw error
      const details = { path: this.#path }
      if (error.newer) {
        const words = `The state file ${this.#path} ${error.message}. Update the package. Nothing was changed.`
        throw new UserError(words, { details })
      }
      const words =
        `The state file ${this.#path} is damaged: ${error.message}. Nothing was changed. Restore it from a backup. If there is ` +
        'none and no file that its users own is kept anywhere, move it away: every name then gets a new uid.'
      throw new UserError(words, { cause: error.cause, details })
    }
  }
}
