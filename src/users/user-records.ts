/** The content of the state file: which account has which uid, for ever. */
import { z } from 'zod'
import { MAX_ID, userNameProblem } from '../options/index.js'
import { quoteText } from '../printable.js'

const STATE_VERSION = 1

const id = z.number().int().min(1).max(MAX_ID)

const userRecordSchema = z
  .strictObject({
    // Names that are refused now may have been taken before.
    name: z.string().refine((name) => userNameProblem(name) === null || name === 'root'),
    uid: id,
    gid: id,
    createdAt: z.iso.datetime(),
    /** Where the account comes from: `name` for names given to a sandbox, `unix`, `file`, or a directory of the caller's. */
    source: z.string().min(1).max(64).default('name'),
    /** What the source calls the account, and no other one ever. Left out for names. */
    account: z.string().min(1).max(256).optional(),
  })
  .transform((record) => ({ ...record, account: record.account ?? record.name }))
  .readonly()

const stateSchema = z.strictObject({ version: z.literal(STATE_VERSION), users: z.array(userRecordSchema) })

/** An account with what was assigned to it. */
export type UserRecord = z.output<typeof userRecordSchema>

/** An account for ever, whatever it is called later. */
export interface AccountKey {
  readonly source: string
  readonly account: string
}

/** @returns the key of a name that is given to a sandbox without a directory */
export function nameKey(name: string): AccountKey {
  return { source: 'name', account: name }
}

/** Why a state file cannot be used. */
export class StateProblem extends Error {
  /** Written by a later version of this package, not damaged. */
  readonly newer: boolean

  constructor(message: string, options: ErrorOptions & { readonly newer?: boolean } = {}) {
    super(message, options)
    this.newer = options.newer ?? false
  }
}

/** Every uid that was ever assigned. Immutable. */
export class UserRecords {
  readonly all: readonly UserRecord[]
  readonly #byUid: ReadonlyMap<number, UserRecord>
  readonly #byKey: ReadonlyMap<string, UserRecord>

  constructor(all: readonly UserRecord[] = []) {
    this.all = all
    this.#byUid = new Map(all.map((record) => [record.uid, record]))
    // The latest wins: an account of the host whose number was changed there has one record for each number.
    this.#byKey = new Map(all.map((record) => [textOf(record), record]))
  }

  /** The account's latest record. */
  find(key: AccountKey): UserRecord | undefined {
    return this.#byKey.get(textOf(key))
  }

  /** Whose uid this is. */
  ownerOf(uid: number): UserRecord | undefined {
    return this.#byUid.get(uid)
  }

  /** The same with a record more, or another one in the place of that with its uid. */
  with(record: UserRecord): UserRecords {
    const known = this.#byUid.get(record.uid)
    const all = this.all.map((other) => (other === known ? record : other))
    return new UserRecords(known === undefined ? [...all, record] : all)
  }

  /** @throws {StateProblem} */
  static parse(text: string): UserRecords {
    let json: unknown
    try {
      json = JSON.parse(text)
    } catch (cause) {
      throw new StateProblem(`it is not JSON (${text.length} characters)`, { cause })
    }
    const version = z.looseObject({ version: z.number() }).safeParse(json)
    if (version.success && version.data.version > STATE_VERSION) {
      const words = `has version ${version.data.version}, this package writes ${STATE_VERSION}`
      throw new StateProblem(words, { newer: true })
    }
    const result = stateSchema.safeParse(json)
    if (!result.success) throw new StateProblem(firstIssue(result.error), { cause: result.error })
    const records = new UserRecords(result.data.users)
    const names = records.all.filter(({ source }) => source === 'name').map(({ name }) => name)
    if (new Set(names).size !== names.length) throw new StateProblem('a name is in it twice')
    if (records.#byUid.size !== records.all.length) throw new StateProblem('a uid is in it twice')
    return records
  }

  /** One user per line, so that a person and `git diff` can read it. */
  format(): string {
    const lines = this.all.map((record) => `    ${JSON.stringify(shortRecord(record))}`).join(',\n')
    return `{\n  "version": ${STATE_VERSION},\n  "users": [\n${lines}\n  ]\n}\n`
  }
}

/** The first line of what a schema found wrong, safe to print. */
export function firstIssue(error: z.ZodError): string {
  return quoteText(z.prettifyError(error).split('\n')[0] ?? '')
}

/** JSON keeps the two parts apart, whatever characters are in them. */
function textOf({ source, account }: AccountKey): string {
  return JSON.stringify([source, account])
}

function shortRecord({ source, account, ...record }: UserRecord): Partial<UserRecord> {
  return source === 'name' ? record : { ...record, source, account }
}
