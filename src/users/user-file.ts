/**
 * The users' file: read as a whole, checked as a whole, replaced as a whole. Reading takes no lock. A change holds the lock, reads
 * again, and returns when the new file is on the disk; whoever dies in between leaves the old file.
 */
import { constants } from 'node:fs'
import { open, readdir, realpath, rm } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join } from 'node:path'
import { z } from 'zod'
import { UserError } from '../errors.js'
import { MAX_ID, userNameProblem } from '../options/index.js'
import { replaceFile, TEMPORARY_SUFFIX } from './atomic-file.js'
import { withFileLock } from './file-lock.js'
import { passwordHashSchema } from './password-hash.js'
import { openStateFolder } from './state-folder.js'
import { firstIssue } from './user-records.js'

const FILE_VERSION = 1

/** About 100,000 users. */
const MAX_FILE_BYTES = 64 * 1024 * 1024

const fileRecordSchema = z
  .strictObject({
    /** Random, of the account for ever: a name that is removed and added again is another account. */
    id: z.uuid(),
    name: z.string().refine((name) => userNameProblem(name) === null, 'not a user name'),
    uid: z.number().int().min(1).max(MAX_ID),
    home: z.string().refine(isAbsolute, 'not an absolute path').nullable(),
    /** `null`: nobody can log in. */
    password: passwordHashSchema.nullable(),
    createdAt: z.iso.datetime(),
  })
  .readonly()

const fileSchema = z.strictObject({ version: z.literal(FILE_VERSION), users: z.array(fileRecordSchema) })

/** One user as it stands in the file. */
export type FileRecord = z.output<typeof fileRecordSchema>

/** A JSON file of users that processes share. */
export class UserFile {
  readonly path: string

  /** @param path - absolute; a link is followed, and its target replaced */
  constructor(path: string) {
    this.path = path
  }

  /**
   * Every user; none when there is no file.
   * @throws {UserError} when it is damaged or others can read or change it; it is then left as it is
   */
  async read(): Promise<readonly FileRecord[]> {
    let file
    try {
      file = await open(this.path, constants.O_RDONLY | constants.O_NONBLOCK)
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      if (code === 'ENOENT') return []
      throw this.#error(`cannot be read: ${code}.`, cause)
    }
    try {
      const facts = await file.stat()
      const own = process.geteuid?.() ?? 0
      if (!facts.isFile()) throw this.#error('is not a file.')
      if (facts.uid !== own && facts.uid !== 0) throw this.#error(`belongs to uid ${facts.uid}, not to ${own}.`)
      if ((facts.mode & 0o077) !== 0) {
        const mode = (facts.mode & 0o7777).toString(8)
        throw this.#error(`holds password hashes that others can read (mode ${mode}). Run: chmod 600 ${this.path}`)
      }
      if (facts.size > MAX_FILE_BYTES) throw this.#error(`has ${facts.size} bytes, more than ${MAX_FILE_BYTES}.`)
      return this.#parse(await file.readFile('utf8'))
    } finally {
      await file.close()
    }
  }

  /**
   * Replaces the users by what `work` makes of them, while nobody else changes them.
   * @throws {UserError} and what `work` throws; the file is then as it was
   */
  async change(work: (users: readonly FileRecord[]) => Promise<readonly FileRecord[]>): Promise<void> {
    const path = await realpath(this.path).catch(() => this.path)
    await openStateFolder(dirname(path), 'path')
    await withFileLock(`${path}.lock`, async () => {
      const before = await this.read()
      const after = await work(before)
      // A file that could not be read again must never be written.
      this.#assertDistinct(after)
      await removeLeftovers(path)
      await replaceFile(path, format(after), { durable: true })
    })
  }

  #parse(text: string): readonly FileRecord[] {
    let json: unknown
    try {
      json = JSON.parse(text)
    } catch {
      // The parser's own message repeats a piece of the text, which can be a hash.
      throw this.#damaged(`it is not JSON (${text.length} characters)`)
    }
    const version = z.looseObject({ version: z.number() }).safeParse(json)
    if (version.success && version.data.version > FILE_VERSION) {
      throw this.#error(`has version ${version.data.version}, this package writes ${FILE_VERSION}. Update the package.`)
    }
    const result = fileSchema.safeParse(json)
    if (!result.success) throw this.#damaged(firstIssue(result.error))
    this.#assertDistinct(result.data.users)
    return result.data.users
  }

  #assertDistinct(users: readonly FileRecord[]): void {
    for (const key of ['name', 'uid', 'id'] as const) {
      const seen = new Set<FileRecord[typeof key]>()
      for (const { [key]: value } of users) {
        if (seen.has(value)) throw this.#damaged(`the ${key} ${value} is in it twice`)
        seen.add(value)
      }
    }
  }

  #damaged(reason: string): UserError {
    return this.#error(`is damaged: ${reason}. Correct it or restore it from a backup.`)
  }

  #error(problem: string, cause?: unknown): UserError {
    return new UserError(`The users' file ${this.path} ${problem} Nothing was changed.`, {
      cause,
      details: { path: this.path },
    })
  }
}

/** Under the lock nobody else writes, so what is left belongs to a process that died. */
async function removeLeftovers(path: string): Promise<void> {
  const [folder, name] = [dirname(path), basename(path)]
  const left = (await readdir(folder)).filter((file) => file.startsWith(`${name}.`) && file.endsWith(TEMPORARY_SUFFIX))
  await Promise.all(left.map((file) => rm(join(folder, file), { force: true })))
}

/** One user per line, so that a person and `git diff` can read it. */
function format(users: readonly FileRecord[]): string {
  const lines = users.map((user) => `    ${JSON.stringify(user)}`).join(',\n')
  return `{\n  "version": ${FILE_VERSION},\n  "users": [\n${lines}\n  ]\n}\n`
}
