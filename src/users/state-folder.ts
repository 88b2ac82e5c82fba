import { mkdir, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join } from 'node:path'
import { UserError } from '../errors.js'

const FOLDER_NAME = 'container-sandbox'

/**
 * Where uids are kept when no folder is given: `/var/lib/container-sandbox` for root (Filesystem Hierarchy Standard 3.0, 5.8),
 * else `$XDG_STATE_HOME/container-sandbox` (XDG Base Directory Specification; relative values are ignored, as it says).
 */
export function defaultStateFolder(
  env: NodeJS.ProcessEnv = process.env,
  uid: number = process.geteuid?.() ?? 0,
): string {
  if (uid === 0) return join('/var/lib', FOLDER_NAME)
  const configured = env['XDG_STATE_HOME']
  const base = configured !== undefined && isAbsolute(configured) ? configured : join(homedir(), '.local', 'state')
  return join(base, FOLDER_NAME)
}

/**
 * Makes the folder with mode 0700 if missing.
 *
 * @param option - by which another folder can be given
 * @throws {UserError} when it cannot be made, is no folder, or when others could change what is in it: whoever can write there
 * decides which uid a sandbox runs as
 */
export async function openStateFolder(path: string, option: string = 'users.stateDir'): Promise<void> {
  let facts
  try {
    await makeFolder(path)
    facts = await stat(path)
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'an error'
    const next = `Give a folder that this user can write to in the option ${option}.`
    throw new UserError(`Cannot use the state folder ${path}: ${code}. ${next}`, { cause, details: { path } })
  }
  if (!facts.isDirectory()) {
    throw new UserError(`The state folder ${path} is not a folder. Give another one in the option ${option}.`, {
      details: { path },
    })
  }
  const own = process.geteuid?.() ?? 0
  const problem =
    (facts.mode & 0o022) !== 0
      ? `others can write to it (mode ${(facts.mode & 0o7777).toString(8)}). Run: chmod go-w ${path}`
      : facts.uid !== own && facts.uid !== 0
        ? `it belongs to uid ${facts.uid}, not to this user (${own}). Give another folder in the option ${option}.`
        : null
  if (problem !== null) throw new UserError(`The state folder ${path} is not safe: ${problem}`, { details: { path } })
}

/**
 * Like `mkdir` with `recursive`, which never returns where the kernel answers ENOENT below a folder that exists, as it does
 * in /proc (seen with Node 20.20).
 */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return
    if (code !== 'ENOENT' || dirname(path) === path) throw error
    await makeFolder(dirname(path))
    await mkdir(path, { mode: 0o700 }).catch((again: NodeJS.ErrnoException) => {
      // Another process made it in between.
      if (again.code !== 'EEXIST') throw again
    })
  }
}
