/** The two results of a login, as the old child process told them. */
import { LoginFailedError } from '../../errors.js'
import type { DirectoryUser, UnixUser } from '../../users/index.js'
import type { JailFailure, JailSuccess } from './options.js'

const NO_SHELL = '/bin/sh'

/** Unix accounts keep their numbers of the host here; inside the jail they have their mapped ones. */
export function successOf(user: DirectoryUser): JailSuccess {
  const account = isUnixUser(user)
    ? { username: user.account, userId: user.hostUid, groupId: user.hostGid, name: user.fullName, shell: user.shell }
    : { username: user.name, userId: user.uid, groupId: user.gid, name: '', shell: NO_SHELL }
  const { username, userId, groupId, name, shell } = account
  const row = { username, password: 'x', userId: String(userId), groupId: String(groupId), name, homedir: '/', shell }
  return { success: true, args: { user: row as JailSuccess['args']['user'] } }
}

/** A refused login never tells why; what kept the right password from being of use is told. */
export function failureOf(error: unknown): JailFailure {
  if (error instanceof LoginFailedError) return { success: false, error: 'Wrong credentials' }
  return { success: false, error: error instanceof Error ? error.message : String(error) }
}

function isUnixUser(user: DirectoryUser): user is UnixUser {
  return 'hostUid' in user
}
