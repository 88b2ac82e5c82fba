/**
 * The state file: which name has which uid, for ever.
 *
 * Reading takes no lock, because the file is only ever replaced as a whole. Assigning holds the lock, reads again, and returns
 * only when the new file is on the disk: a uid that was handed out is never handed out to another name.
 */
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { UserError } from '../errors.js'
import { userNameProblem, type ResolvedUserRange } from '../options/index.js'
import { quoteText } from '../printable.js'
import { replaceFile, TEMPORARY_SUFFIX } from './atomic-file.js'
import { withFileLock } from './file-lock.js'
import type { HostAccounts } from './host-accounts.js'

const STATE_VERSION = 1
const STATE_FILE = 'users.json'

const userRecordSchema = z
  .strictObject({
    name: z.string().refine((name) => userNameProblem(name) === null),
    uid: z.number().int().positive(),
    gid: z.number().int().positive(),
    createdAt: z.iso.datetime(),
  })
  .readonly()

const stateSchema = z.strictObject({ version: z.literal(STATE_VERSION), users: z.array(userRecordSchema) })

/** A name with what was assigned to it. */
export type UserRecord = z.output<typeof userRecordSchema>

/** By name; names such as `__proto__` are ordinary keys of a Map. */
type Records = ReadonlyMap<string, UserRecord>

/** The uids of names, kept for ever in a file that processes share. */
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
   * Every name that ever got a uid.
   * @throws {UserError} when the state file is damaged; it is then left as it is
   */
  async read(): Promise<Records> {
    let text
    try {
      text = await readFile(this.#path, 'utf8')
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      if (code === 'ENOENT') return new Map()
      throw new UserError(`Cannot read the state file ${this.#path}: ${code}`, { cause, details: { path: this.#path } })
    }
    return this.#parse(text)
  }

  /**
   * The record of a name; a new one when it has none.
   * @throws {UserError} when the range is exhausted or the state file is damaged
   */
  async assign(name: string): Promise<UserRecord> {
    const known = (await this.read()).get(name)
    if (known !== undefined) return known
    return withFileLock(this.#lockPath, async () => {
      const records = await this.read()
      const raced = records.get(name)
      if (raced !== undefined) return raced
      const uid = await this.#chooseUid(records)
      const record: UserRecord = Object.freeze({ name, uid, gid: uid, createdAt: new Date().toISOString() })
      await this.#removeLeftovers()
      await replaceFile(this.#path, formatState([...records.values(), record]), { durable: true })
      return record
    })
  }

  async #chooseUid(records: Records): Promise<number> {
    const { firstUid, firstAnonymousUid } = this.#range
    const lastUid = firstAnonymousUid - 1
    const taken = new Set([...records.values()].flatMap((record) => [record.uid, record.gid]))
    for (let uid = firstUid; uid <= lastUid; uid++) {
      if (!taken.has(uid) && !(await this.#accounts.has(uid, lastUid))) return uid
    }
    throw new UserError(
      `No uid is left for a new user: all of ${firstUid} to ${lastUid} are assigned or belong to accounts of this host. ` +
        'Widen the range with the options users.firstUid and users.lastUid; assigned uids stay as they are.',
      { details: { firstUid, lastUid, assigned: records.size } },
    )
  }

  /** Under the lock nobody else writes, so what is left belongs to a process that died. */
  async #removeLeftovers(): Promise<void> {
    const names = await readdir(this.#folder)
    const leftovers = names.filter((name) => name.startsWith(`${STATE_FILE}.`) && name.endsWith(TEMPORARY_SUFFIX))
    await Promise.all(leftovers.map((name) => rm(join(this.#folder, name), { force: true })))
  }

  #parse(text: string): Records {
    let json: unknown
    try {
      json = JSON.parse(text)
    } catch (cause) {
      throw this.#damaged(`it is not JSON (${text.length} characters)`, cause)
    }
    const version = z.looseObject({ version: z.number() }).safeParse(json)
    if (version.success && version.data.version > STATE_VERSION) {
      const words = `The state file ${this.#path} has version ${version.data.version}, this package writes ${STATE_VERSION}.`
      throw new UserError(`${words} Update the package. Nothing was changed.`, { details: { path: this.#path } })
    }
    const result = stateSchema.safeParse(json)
    if (!result.success)
      throw this.#damaged(quoteText(z.prettifyError(result.error).split('\n')[0] ?? ''), result.error)
    const records = new Map(result.data.users.map((record) => [record.name, record]))
    if (records.size !== result.data.users.length) throw this.#damaged('a name is in it twice')
    if (new Set(result.data.users.map(({ uid }) => uid)).size !== records.size)
      throw this.#damaged('a uid is in it twice')
    return records
  }

  #damaged(reason: string, cause?: unknown): UserError {
    const words =
      `The state file ${this.#path} is damaged: ${reason}. Nothing was changed. Restore it from a backup. If there is none and ` +
      'no file that its users own is kept anywhere, move it away: every name then gets a new uid.'
    return new UserError(words, { cause, details: { path: this.#path } })
  }
}

/** One user per line, so that a person and `git diff` can read it. */
function formatState(users: readonly UserRecord[]): string {
  const lines = users.map((user) => `    ${JSON.stringify(user)}`).join(',\n')
  return `{\n  "version": ${STATE_VERSION},\n  "users": [\n${lines}\n  ]\n}\n`
}
