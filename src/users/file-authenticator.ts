import type { Authenticator, Credentials } from './authenticator.js'
import type { FileDirectory } from './file-directory.js'
import { placeholderHash, verifyPassword } from './password-hash.js'

/**
 * Checks passwords of file users. A name that is not there, and a user without a password, are checked against a hash that
 * nothing matches and that costs the same. A hash of an older, lower cost is replaced at the next right password.
 */
export class FileAuthenticator implements Authenticator {
  readonly #directory: FileDirectory

  constructor(directory: FileDirectory) {
    this.#directory = directory
  }

  async authenticate({ username, password, signal }: Credentials): Promise<boolean> {
    const { hash, highestLogN } = await this.#directory.credential(username)
    signal.throwIfAborted()
    const isRight = await verifyPassword(password, hash ?? placeholderHash(highestLogN))
    signal.throwIfAborted()
    if (isRight && hash !== null && hash.logN < this.#directory.scryptLogN) {
      await this.#directory.replaceHash(username, hash, password)
    }
    return isRight && hash !== null
  }
}
