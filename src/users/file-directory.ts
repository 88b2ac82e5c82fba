/**
 * Users of a JSON file: an application's own, who have no account on the host.
 *
 * The file says who there is; the state folder says which uid each has, for ever. So a uid outlives its user, the file, and the
 * file's backup: it is never given to anybody else.
 */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { UserError } from '../errors.js'
import {
  parseFileDirectoryOptions,
  parseFileUser,
  type FileDirectoryOptions,
  type FileUserOptions,
} from '../options/index.js'
import { quoteText } from '../printable.js'
import { hashPassword, type PasswordHash } from './password-hash.js'
import { UserAllocator } from './user-allocator.js'
import type { DirectoryUser, UserDirectory } from './user-directory.js'
import { UserFile, type FileRecord } from './user-file.js'

/** What uids of file users are kept under. */
export const FILE_SOURCE = 'file'

const DEFAULT_FILE = 'accounts.json'

/** A user of the file. Nothing of the password is in it. */
export interface FileUser extends DirectoryUser {
  /** Random, of this account for ever. */
  readonly id: string
  readonly hasPassword: boolean
  readonly createdAt: string
}

/** The users of one file. Any number of processes may use and change it at once. */
export class FileDirectory implements UserDirectory<FileUser> {
  readonly id: string
  /** Cost of new password hashes. */
  readonly scryptLogN: number
  readonly #file: UserFile
  readonly #allocator: UserAllocator

  /** @throws {InvalidOptionsError} */
  constructor(options: FileDirectoryOptions = {}) {
    const { path, users, scryptLogN } = parseFileDirectoryOptions(options)
    this.#allocator = new UserAllocator(users)
    this.#file = new UserFile(path ?? join(this.#allocator.stateDir, DEFAULT_FILE))
    this.id = `${FILE_SOURCE}:${this.#file.path}`
    this.scryptLogN = scryptLogN
  }

  /** The host path of the file. */
  get path(): string {
    return this.#file.path
  }

  /** @throws {UserError} when the file cannot be used */
  async lookup(name: string): Promise<FileUser | null> {
    const record = (await this.#file.read()).find((user) => user.name === name)
    return record === undefined ? null : toUser(record)
  }

  /** @throws {UserError} when the file cannot be used */
  async list(): Promise<readonly FileUser[]> {
    return (await this.#file.read()).map(toUser)
  }

  /**
   * Adds a user with a uid that no user of this state folder ever had.
   *
   * @throws {InvalidOptionsError} when the name, the password or the home is wrong
   * @throws {UserError} when the name is taken, no uid is left, or the file cannot be used
   */
  async add(options: FileUserOptions): Promise<FileUser> {
    const { name, home, password: text } = parseFileUser(options)
    const password = text === null ? null : await this.#hash(text)
    const id = randomUUID()
    let added: FileRecord | undefined
    await this.#file.change(async (users) => {
      assertFree(users, name)
      const { uid } = await this.#allocator.assign({ source: FILE_SOURCE, account: id }, name)
      added = { id, name, uid, home, password, createdAt: new Date().toISOString() }
      return [...users, added]
    })
    return toUser(added as FileRecord)
  }

  /** Removes a user. The uid stays unused for ever, since files of that uid may lie anywhere. @throws {UserError} */
  async remove(name: string): Promise<void> {
    await this.#file.change((users) => {
      const record = findUser(users, name)
      return Promise.resolve(users.filter((user) => user !== record))
    })
  }

  /** @param password - `null`: nobody can log in as this user. @throws {InvalidOptionsError} {@link UserError} */
  async setPassword(name: string, password: string | null): Promise<void> {
    const parsed = parseFileUser({ name, password }).password
    const hash = parsed === null ? null : await this.#hash(parsed)
    await this.#update(name, { password: hash })
  }

  /** The same account with another name; it keeps its uid. @throws {InvalidOptionsError} {@link UserError} */
  async rename(name: string, newName: string): Promise<void> {
    const parsed = parseFileUser({ name: newName })
    await this.#update(name, { name: parsed.name })
  }

  /** @param home - host path of the user's files; `null` for an empty home. @throws {InvalidOptionsError} {@link UserError} */
  async setHome(name: string, home: string | null): Promise<void> {
    const parsed = parseFileUser({ name, home })
    await this.#update(name, { home: parsed.home })
  }

  /**
   * @internal The password hash of a user, for who checks it, and what checking any user of this file costs at most.
   * @throws {UserError} when the file cannot be used
   */
  async credential(name: string): Promise<{ readonly hash: PasswordHash | null; readonly highestLogN: number }> {
    const users = await this.#file.read()
    const highestLogN = users.reduce((high, { password }) => Math.max(high, password?.logN ?? 0), 0)
    const hash = users.find((user) => user.name === name)?.password ?? null
    return { hash, highestLogN: highestLogN === 0 ? this.scryptLogN : highestLogN }
  }

  /** @internal Puts a new hash in the place of an old one, unless somebody has changed the password since. @throws {UserError} */
  async replaceHash(name: string, old: PasswordHash, password: string): Promise<void> {
    const hash = await this.#hash(password)
    await this.#file.change((users) =>
      Promise.resolve(
        users.map((user) =>
          user.name === name && user.password?.hash === old.hash ? { ...user, password: hash } : user,
        ),
      ),
    )
  }

  async #update(name: string, changes: Partial<Pick<FileRecord, 'name' | 'home' | 'password'>>): Promise<void> {
    await this.#file.change((users) => {
      const record = findUser(users, name)
      if (changes.name !== undefined && changes.name !== name) assertFree(users, changes.name)
      return Promise.resolve(users.map((user) => (user === record ? { ...user, ...changes } : user)))
    })
  }

  #hash(password: string): Promise<PasswordHash> {
    return hashPassword(password, this.scryptLogN)
  }
}

function findUser(users: readonly FileRecord[], name: string): FileRecord {
  const record = users.find((user) => user.name === name)
  if (record !== undefined) return record
  throw new UserError(`There is no user ${quoteText(String(name))} in the file. Nothing was changed.`)
}

function assertFree(users: readonly FileRecord[], name: string): void {
  if (!users.some((user) => user.name === name)) return
  throw new UserError(`There is a user ${name} in the file. Choose another name. Nothing was changed.`)
}

function toUser({ id, name, uid, home, password, createdAt }: FileRecord): FileUser {
  const key = Object.freeze({ source: FILE_SOURCE, account: id })
  const user = { key, name, uid, gid: uid, home, homeOwner: null, id, hasPassword: password !== null, createdAt }
  return Object.freeze(user)
}
