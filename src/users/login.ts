/** From a name and a password to the options of that user's sandbox. */
import { stat } from 'node:fs/promises'
import { HomeError } from '../errors.js'
import { parseLoginOptions, invalidOptions, type LoginOptions, type SandboxOptions } from '../options/index.js'
import type { Authenticator } from './authenticator.js'
import { FileAuthenticator } from './file-authenticator.js'
import { FileDirectory } from './file-directory.js'
import { LoginGuard } from './login-guard.js'
import { UnixAuthenticator } from './unix-authenticator.js'
import { UnixDirectory } from './unix-directory.js'
import { UserAllocator } from './user-allocator.js'
import type { DirectoryUser, UserDirectory } from './user-directory.js'

/** Somebody who has logged in. */
export interface ResolvedLogin<U extends DirectoryUser = DirectoryUser> {
  readonly user: U
  /** For `ContainerSandbox.create`. The password is not in it. */
  readonly options: SandboxOptions
}

let sharedGuard: LoginGuard | undefined

/**
 * Checks a name and a password, and makes sure that the user's uid is nobody else's.
 *
 * @throws {LoginFailedError} for a wrong password, an unknown user, an expired account and too many attempts alike, in words and
 * in time
 * @throws {InvalidOptionsError} before anything is checked
 * @throws {LoginUnavailableError} {@link UserError} when nobody can log in; with the right password also when the uid is another's
 * @throws {HomeError} with the right password, when the home belongs to somebody else
 */
export async function resolveLogin(raw: LoginOptions): Promise<ResolvedLogin> {
  const { login, sandbox, parsed } = parseLoginOptions(raw)
  const { username, password, origin } = login
  const directory = login.directory ?? new UnixDirectory()
  const authenticator = login.authenticator ?? authenticatorOf(directory)
  const guard = login.guard ?? (sharedGuard ??= new LoginGuard())
  // One for each login: a signal that many share would warn of a leak when each added listeners to it.
  const signal = parsed.signal === null ? new AbortController().signal : AbortSignal.any([parsed.signal])
  const attempt = { directory: directory.id, username, origin }
  const user = await guard.attempt(attempt, signal, async () => {
    // Settled, so that no helper outlives the attempt whose turn it has.
    const [found, right] = await Promise.allSettled([
      directory.lookup(username, signal),
      authenticator.authenticate({ username, password, signal }),
    ])
    if (right.status === 'rejected') throw right.reason
    if (found.status === 'rejected') throw found.reason
    if (!right.value || found.value === null) return null
    await new UserAllocator(parsed.users).claim(found.value)
    await assertHome(found.value)
    return found.value
  })
  const { name, home, uid, gid } = user
  return { user, options: { ...sandbox, user: { name, home, uid, gid } } }
}

function authenticatorOf(directory: UserDirectory): Authenticator {
  if (directory instanceof UnixDirectory) return new UnixAuthenticator()
  if (directory instanceof FileDirectory) return new FileAuthenticator(directory)
  const hint = 'only UnixDirectory and FileDirectory bring one along'
  throw invalidOptions('login options', [
    { path: 'authenticator', got: 'null', allowed: 'an Authenticator for your own directory', hint },
  ])
}

/**
 * A home is packed by this process, which may read more than the user. So it must be the user's own, as sshd wants it
 * (sshd_config(5), StrictModes): an account with the home `/`, `/root` or another's would be given all of it.
 */
async function assertHome({ name, home, homeOwner }: DirectoryUser): Promise<void> {
  if (home === null || homeOwner === null) return
  const facts = await stat(home).catch(() => null)
  const problem =
    facts === null
      ? 'does not exist or cannot be read'
      : !facts.isDirectory()
        ? 'is not a folder'
        : facts.uid !== homeOwner
          ? `belongs to uid ${facts.uid}, not to ${homeOwner}`
          : null
  if (problem === null) return
  throw new HomeError(`The home ${home} of the user ${name} ${problem}. Give the account a home of its own.`, {
    details: { home, homeOwner },
  })
}
