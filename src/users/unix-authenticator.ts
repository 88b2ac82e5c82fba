/**
 * Passwords of unix accounts, checked by the system's own helper.
 *
 * `unix_chkpwd` (unix_chkpwd(8)) is what pam_unix itself calls. It is called as pam_unix calls it: the name and `nonull` as
 * arguments, an empty environment but for PATH, the password with a NUL on stdin. A second call, `chkexpiry`, is the account phase of PAM: an
 * expired account, and one whose password must be changed, cannot log in with the right password.
 *
 * Which hashes there are (yescrypt, SHA-512, …) and what they cost is the system's affair. The helper answers a name that does
 * not exist without computing a hash; `LoginGuard` hides that difference.
 */
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { LoginUnavailableError } from '../errors.js'
import { isPossiblePassword } from '../options/index.js'
import { PLACEHOLDER_PASSWORD, type Authenticator, type Credentials } from './authenticator.js'
import { runHelper, type HelperResult } from './helper-process.js'
import { isAccountName } from './unix-directory.js'

/** Debian and most others; merged or not; NixOS. */
const HELPER_PATHS = ['/usr/sbin/unix_chkpwd', '/sbin/unix_chkpwd', '/run/wrappers/bin/unix_chkpwd']

/** crypt(3) of libxcrypt takes less than CRYPT_MAX_PASSPHRASE_SIZE (512) bytes; pam_unix cuts what is longer, silently. */
const MAX_PASSWORD_BYTES = 511

/** An expensive hash takes a second or two; a directory service that hangs must not hold an attempt for ever. */
const HELPER_TIMEOUT_MS = 20_000

/** A name that no account has: the helper logs it, and it stands for every text that is no name. */
const PLACEHOLDER_NAME = '_container-sandbox-nobody'

/** Return codes of PAM (security/_pam_types.h), which the helper exits with. */
const PAM_SUCCESS = 0
const PAM_SYSTEM_ERR = 4

/**
 * Checks the passwords of this host's unix accounts. Needs root for any account but the own one. Accounts whose password
 * only a directory service knows (pam_sss, pam_ldap) are never right: they need an {@link Authenticator} of their own.
 */
export class UnixAuthenticator implements Authenticator {
  async authenticate({ username, password, signal }: Credentials): Promise<boolean> {
    const helper = await findHelper()
    assertAllowed(username)
    const isName = isAccountName(username) && username !== 'root'
    const isPassword = isPossiblePassword(password, MAX_PASSWORD_BYTES)
    const name = isName ? username : PLACEHOLDER_NAME
    const input = Buffer.from(`${isPassword ? password : PLACEHOLDER_PASSWORD}\0`, 'utf8')
    const common = { file: helper, timeoutMs: HELPER_TIMEOUT_MS, maxOutputBytes: 1024, signal }
    // Both always run, so that their number tells nothing.
    const [verdict, expiry] = await Promise.all([
      runHelper({ ...common, args: [name, 'nonull'], input }),
      runHelper({ ...common, args: [name, 'chkexpiry'] }),
    ])
    signal.throwIfAborted()
    return [verdict, expiry].map(isSuccess).every(Boolean) && isName && isPassword
  }
}

async function findHelper(): Promise<string> {
  for (const path of HELPER_PATHS) {
    const usable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (usable) return path
  }
  const words = `The helper unix_chkpwd is needed to check passwords of unix accounts; looked at ${HELPER_PATHS.join(', ')}.`
  throw new LoginUnavailableError(`${words} Install it (Debian: libpam-modules-bin, Fedora: pam).`, {
    details: { paths: HELPER_PATHS },
  })
}

/** Without root the helper answers for the caller's own account alone; whether another one exists plays no part. */
function assertAllowed(username: string): void {
  const uid = process.getuid?.()
  if (uid === 0 || (uid !== undefined && username === userInfo().username)) return
  throw new LoginUnavailableError(
    `Passwords of unix accounts can be checked by root alone; this process has uid ${uid}, and unix_chkpwd then answers for ` +
      'its own account only. Run as root, or use a FileDirectory.',
    { details: { uid } },
  )
}

function isSuccess({ code, failure }: HelperResult): boolean {
  if (failure === null && code !== null && code !== PAM_SYSTEM_ERR) return code === PAM_SUCCESS
  if (failure === 'canceled') return false
  throw new LoginUnavailableError(
    `unix_chkpwd could not check a password: ${failure ?? (code === null ? 'it was killed' : `it ended with code ${code}`)}.`,
    { retryable: failure === 'timeout', details: { code, failure } },
  )
}
