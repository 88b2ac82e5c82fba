/**
 * The unix accounts of this host. `getent` (getent(1)) asks what the host itself asks (nsswitch.conf(5)): files, LDAP, SSSD.
 *
 * Its answer is checked like any input: a directory service is another machine. `getent passwd 1000` finds an account by its
 * number and some services answer `Alice` with `alice`; only the very name that was asked for counts, or one account could be
 * counted and throttled under many names.
 */
import { LoginUnavailableError } from '../errors.js'
import { parseUnixDirectoryOptions, userNameProblem, type UnixDirectoryOptions } from '../options/index.js'
import { runHelper } from './helper-process.js'
import type { DirectoryUser, UserDirectory } from './user-directory.js'

/** An account of the host, as in passwd(5), with its mapped ids. */
export interface UnixUser extends DirectoryUser {
  /** The name on the host; `name` is made from it when it has letters that a sandbox's user may not have. */
  readonly account: string
  readonly hostUid: number
  readonly hostGid: number
  /** The comment field: usually the person's name. */
  readonly fullName: string
  readonly shell: string
}

/** One line of passwd(5). */
export type PasswdEntry = Pick<UnixUser, 'account' | 'hostUid' | 'hostGid' | 'fullName' | 'shell'> & {
  readonly home: string
}

/**
 * What accounts are called: names of useradd(8) and of directory services (`john.doe`, `EXAMPLE\john`, `john@example.org`). No
 * leading digit, which `getent` takes for a number, and no leading dash, which it takes for an option.
 */
const ACCOUNT_PATTERN = /^[A-Za-z_][A-Za-z0-9_.@\\-]{0,255}$/

/** The largest id that is no reserved one: above it are −1 and −2 in 32 bits. */
const MAX_HOST_ID = 0xffff_fffd

const MAX_ANSWER_BYTES = 64 * 1024
const MAX_LIST_BYTES = 64 * 1024 * 1024

/** Exit codes of getent(1). */
const FOUND = 0
const NOT_FOUND = 2

/** The accounts of this host, each with the uid `uidOffset` + its own. */
export class UnixDirectory implements UserDirectory<UnixUser> {
  readonly id = 'unix'
  readonly #uidOffset: number
  readonly #timeoutMs: number

  /** @throws {InvalidOptionsError} */
  constructor(options: UnixDirectoryOptions = {}) {
    const { uidOffset, timeoutMs } = parseUnixDirectoryOptions(options)
    this.#uidOffset = uidOffset
    this.#timeoutMs = timeoutMs
  }

  async lookup(name: string, signal?: AbortSignal): Promise<UnixUser | null> {
    if (!isAccountName(name)) return null
    const entries = await this.#getent(['--', name], MAX_ANSWER_BYTES, signal)
    const entry = entries.find(({ account }) => account === name)
    return entry === undefined ? null : this.#user(entry)
  }

  /** As far as the system lists them: a directory service often does not. */
  async list(signal?: AbortSignal): Promise<readonly UnixUser[]> {
    const entries = await this.#getent([], MAX_LIST_BYTES, signal)
    return entries.flatMap((entry) => this.#user(entry) ?? [])
  }

  async #getent(args: readonly string[], maxOutputBytes: number, signal?: AbortSignal): Promise<PasswdEntry[]> {
    const call = { file: 'getent', args: ['passwd', ...args], timeoutMs: this.#timeoutMs, maxOutputBytes, signal }
    const { code, stdout, failure } = await runHelper(call)
    signal?.throwIfAborted()
    if (failure === null && (code === FOUND || code === NOT_FOUND)) return parsePasswd(stdout)
    const reason =
      failure === 'missing'
        ? "the command 'getent' is needed. Install it (Debian: libc-bin)."
        : failure === 'timeout'
          ? `it did not answer within ${this.#timeoutMs} ms. Look at the directory service, or raise timeoutMs.`
          : failure === 'output'
            ? `its answer is longer than ${maxOutputBytes} bytes.`
            : `'getent' ended with ${code === null ? 'a signal' : `code ${code}`}.`
    throw new LoginUnavailableError(`Cannot ask the account database: ${reason}`, {
      retryable: failure === 'timeout',
      details: { code, failure },
    })
  }

  #user(entry: PasswdEntry): UnixUser | null {
    const { account, hostUid, hostGid, fullName, shell, home } = entry
    // Root has no sandbox: who is root on the host gains nothing, and a guessed password would be root's.
    if (hostUid === 0 || account === 'root' || !isAccountName(account)) return null
    return Object.freeze({
      key: Object.freeze({ source: this.id, account }),
      name: sandboxName(account),
      uid: this.#uidOffset + hostUid,
      gid: this.#uidOffset + hostGid,
      home,
      homeOwner: hostUid,
      account,
      hostUid,
      hostGid,
      fullName,
      shell,
    })
  }
}

/** Whether an account of a host can be called so. */
export function isAccountName(name: string): boolean {
  return ACCOUNT_PATTERN.test(name)
}

/** The lines of passwd(5) that are whole; others are left out. */
export function parsePasswd(text: string): PasswdEntry[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.split(':')
    const [account = '', , uid = '', gid = '', fullName = '', home = '', shell = ''] = fields
    const [hostUid, hostGid] = [parseId(uid), parseId(gid)]
    const isWhole = fields.length === 7 && account !== '' && home.startsWith('/') && !line.includes('\0')
    return isWhole && hostUid !== null && hostGid !== null ? [{ account, hostUid, hostGid, fullName, home, shell }] : []
  })
}

function parseId(text: string): number | null {
  return /^\d{1,10}$/.test(text) && Number(text) <= MAX_HOST_ID ? Number(text) : null
}

/** The account's name in letters that a sandbox's user may have; two accounts can share it, their uids differ. */
function sandboxName(account: string): string {
  if (userNameProblem(account) === null) return account
  const name = account
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]/g, '_')
    .slice(0, 32)
  return name === 'root' ? '_root' : name
}
