import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'

/** Ids that are asked for at once: one `getent` costs as much for one as for many. */
const BATCH_SIZE = 64

/** A directory service that does not answer must not hold up a sandbox for longer. */
const GETENT_TIMEOUT_MS = 5_000

/**
 * Which numbers belong to accounts or groups of this host. A sandbox that ran under one of them would own that account's
 * files and share its limits.
 *
 * `getent` (getent(1)) also knows directory services; where it is missing or fails, /etc/passwd and /etc/group decide.
 */
export class HostAccounts {
  /** Number → taken. An account that is added later is found by the next process. */
  readonly #known = new Map<number, boolean>()

  /** Whether `id` is a uid or gid of this host. Ids up to `lastId` that follow it are looked up with it. */
  async has(id: number, lastId: number = id): Promise<boolean> {
    if (!this.#known.has(id)) {
      const count = Math.min(BATCH_SIZE, lastId - id + 1)
      const ids = Array.from({ length: Math.max(1, count) }, (_, index) => id + index)
      const taken = new Set((await Promise.all([lookUp('passwd', ids), lookUp('group', ids)])).flat())
      for (const candidate of ids) this.#known.set(candidate, taken.has(candidate))
    }
    return this.#known.get(id) ?? false
  }
}

async function lookUp(database: 'passwd' | 'group', ids: readonly number[]): Promise<number[]> {
  const [listed, asked] = await Promise.all([
    readFile(`/etc/${database}`, 'utf8').catch(() => ''),
    getent(database, ids),
  ])
  return [...parseIds(listed), ...parseIds(asked)]
}

/** The third field of each line, in passwd(5) and group(5) alike. */
export function parseIds(text: string): number[] {
  return text
    .split('\n')
    .map((line) => line.split(':')[2] ?? '')
    .filter((field) => /^\d+$/.test(field))
    .map(Number)
}

function getent(database: string, ids: readonly number[]): Promise<string> {
  return new Promise((resolve) => {
    // Exit code 2 says that at least one id is unknown; what is known is printed all the same.
    execFile('getent', [database, ...ids.map(String)], { timeout: GETENT_TIMEOUT_MS }, (_error, stdout) =>
      resolve(stdout),
    )
  })
}
