/** `users`: the users of a file, who have no account on the host. */
import type { FileDirectoryOptions } from '../options/index.js'
import { FileDirectory, type FileUser } from '../users/index.js'
import { signalExitCode } from './exit-code.js'
import { readPassword } from './password.js'
import { formatTable, type Terminal } from './terminal.js'
import type { UsersFlags } from './users-flags.js'

/** One user as `users list --json` shows it. Nothing of the password is in it. */
export type UserRow = Pick<FileUser, 'name' | 'uid' | 'gid' | 'home' | 'hasPassword' | 'createdAt' | 'id'>

/**
 * `users list`: who is in the file.
 * @returns the exit code
 */
export async function listUsers(terminal: Terminal, flags: UsersFlags): Promise<number> {
  const rows = (await openDirectory(flags).list()).map(toRow)
  if (flags.json === true) terminal.printJson(rows)
  else terminal.print(formatUsers(rows))
  return 0
}

/**
 * `users add`: a user with a uid that nobody ever had. Nobody can log in as the user before `users passwd`.
 * @returns the exit code
 * @throws {InvalidOptionsError} {@link UserError} when the name is taken; nothing is changed then.
 */
export async function addUser(
  terminal: Terminal,
  name: string,
  flags: UsersFlags & { readonly home?: string },
): Promise<number> {
  const directory = openDirectory(flags)
  const user = await directory.add({ name, ...(flags.home === undefined ? {} : { home: flags.home }) })
  if (flags.json === true) terminal.printJson(toRow(user))
  else terminal.print(`added ${name} with uid ${user.uid}; without a password nobody logs in as ${name}`)
  return 0
}

/**
 * `users passwd`: gives a user a password, which is asked for on a terminal and otherwise read from stdin.
 * @returns the exit code
 * @throws {InvalidOptionsError} when it cannot be a password. {@link UserError} when there is no such user, before it is asked for.
 */
export async function changePassword(terminal: Terminal, name: string, flags: UsersFlags): Promise<number> {
  const directory = openDirectory(flags)
  // Who has typed a password twice should not hear then that the name was wrong.
  if ((await directory.lookup(name)) === null) await directory.setPassword(name, null)
  const password = await readPassword(process.stdin, process.stderr)
  if (password === null) return signalExitCode('SIGINT')
  await directory.setPassword(name, password)
  if (flags.json === true) terminal.printJson({ changed: name })
  else terminal.print(`changed the password of ${name}`)
  return 0
}

/**
 * `users remove`: takes users out of the file. Their uids stay unused for ever.
 * @returns the exit code
 * @throws {UserError} when there is no such user; those before it are removed.
 */
export async function removeUsers(terminal: Terminal, names: readonly string[], flags: UsersFlags): Promise<number> {
  const directory = openDirectory(flags)
  for (const name of names) {
    await directory.remove(name)
    if (flags.json !== true) terminal.print(`removed ${name}`)
  }
  if (flags.json === true) terminal.printJson({ removed: names })
  return 0
}

/** The table of `users list`. */
export function formatUsers(rows: readonly UserRow[]): string {
  return formatTable(
    ['USER', 'UID', 'PASSWORD', 'HOME', 'CREATED'],
    rows.map(({ name, uid, hasPassword, home, createdAt }) => [
      name,
      String(uid),
      hasPassword ? 'yes' : 'no',
      home ?? '-',
      createdAt.slice(0, 10),
    ]),
  )
}

function openDirectory({ file, stateDir }: UsersFlags): FileDirectory {
  const options: FileDirectoryOptions = {
    ...(file === undefined ? {} : { path: file }),
    ...(stateDir === undefined ? {} : { users: { stateDir } }),
  }
  return new FileDirectory(options)
}

function toRow({ name, uid, gid, home, hasPassword, createdAt, id }: FileUser): UserRow {
  return { name, uid, gid, home, hasPassword, createdAt, id }
}
