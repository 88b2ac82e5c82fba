/** The flags that every command of `users` has. */
import type { Command } from 'commander'

/** What commander makes of the flags. */
export interface UsersFlags {
  readonly file?: string
  readonly stateDir?: string
  readonly json?: boolean
}

/** Adds the flags to a command. */
export function addUsersOptions(command: Command): Command {
  return command
    .option('--file <file>', "the users' file; default: accounts.json in the state folder")
    .option('--state-dir <folder>', 'where the uids of users are kept')
    .option('--json', 'print the result as JSON')
}
