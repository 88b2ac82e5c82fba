/**
 * Uids for sandboxes without a name: one file per uid in use, made with link(2), which fails when the file is there.
 *
 * Taking and giving back need no lock. Only a sweep does, which removes what dead processes left: under the lock nobody else
 * removes, and the owner cannot, so a file that was seen to be stale is still the same one when it goes. A uid whose owner
 * died rests for a while first, because its container ends a little later than its host process.
 */
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises'
import { uptime } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { UserError } from '../errors.js'
import { MAX_TIMER_MS, type ResolvedUserRange } from '../options/index.js'
import { createFile, replaceFile } from './atomic-file.js'
import { withFileLock } from './file-lock.js'
import type { HostAccounts } from './host-accounts.js'
import { findProcessState, processIdentitySchema, readOwnIdentity, type ProcessIdentity } from './process-identity.js'

/** Rest of a uid whose owner died. A container whose host died is gone after about two seconds; this leaves ample room. */
export const DEAD_LEASE_REST_MS = 60_000

/** A sandbox ends itself at the latest after the longest lifetime; an owner that nobody can look up has then no sandbox left. */
const MAX_LEASE_AGE_MS = MAX_TIMER_MS + DEAD_LEASE_REST_MS

/** Sweeps of one process are at least this far apart, unless no uid is free. */
const SWEEP_INTERVAL_MS = 60_000

const CURSOR_FILE = 'cursor'

const leaseSchema = z.strictObject({
  owner: processIdentitySchema,
  /** When a sweep found the owner dead, in ms since boot; a wall clock can jump. */
  deadSinceMs: z.number().nonnegative().nullable(),
})

/** A uid that is this process' own until `release`. */
export interface Lease {
  readonly uid: number
  /** Gives it back. Idempotent. */
  release(): Promise<void>
}

/** Uids of anonymous sandboxes: each belongs to one living process at a time, and to the next one when that has died. */
export class AnonymousLeases {
  readonly #folder: string
  readonly #lockPath: string
  readonly #range: ResolvedUserRange
  readonly #accounts: HostAccounts
  #lastSweepMs = -Infinity
  #last: Promise<unknown> = Promise.resolve()

  /** @param folder - a folder of its own inside the state folder */
  constructor(folder: string, lockPath: string, range: ResolvedUserRange, accounts: HostAccounts) {
    this.#folder = folder
    this.#lockPath = lockPath
    this.#range = range
    this.#accounts = accounts
  }

  /**
   * Takes a uid that no living sandbox has; the one that was given back longest ago.
   *
   * @param excluded - uids that belong to names
   * @throws {UserError} when all are in use
   */
  acquire(excluded: ReadonlySet<number>): Promise<Lease> {
    // Callers of one process would only meet at the same free uid.
    const turn = this.#last.then(() => this.#acquire(excluded))
    this.#last = turn.catch(() => undefined)
    return turn
  }

  async #acquire(excluded: ReadonlySet<number>): Promise<Lease> {
    await mkdir(this.#folder, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
    const owner = await readOwnIdentity()
    if (performance.now() - this.#lastSweepMs > SWEEP_INTERVAL_MS) await this.#sweep(owner)
    const lease = (await this.#take(owner, excluded)) ?? (await this.#sweepAndTake(owner, excluded))
    if (lease !== null) return lease
    const { firstAnonymousUid, lastUid } = this.#range
    throw new UserError(
      `No uid is left for an anonymous sandbox: all of ${firstAnonymousUid} to ${lastUid} are in use. ` +
        'End sandboxes that are not needed, or widen the range with the options users.firstAnonymousUid and users.lastUid.',
      { retryable: true, details: { firstAnonymousUid, lastUid } },
    )
  }

  async #sweepAndTake(owner: ProcessIdentity, excluded: ReadonlySet<number>): Promise<Lease | null> {
    await this.#sweep(owner)
    return this.#take(owner, excluded)
  }

  async #take(owner: ProcessIdentity, excluded: ReadonlySet<number>): Promise<Lease | null> {
    const { firstAnonymousUid, lastUid } = this.#range
    const size = lastUid - firstAnonymousUid + 1
    const inUse = new Set(await readdir(this.#folder))
    const start = await this.#readCursor()
    const text = JSON.stringify({ owner, deadSinceMs: null })
    for (let step = 0; step < size; step++) {
      const uid = firstAnonymousUid + ((start - firstAnonymousUid + step) % size)
      if (inUse.has(String(uid)) || excluded.has(uid) || (await this.#accounts.has(uid, lastUid))) continue
      const path = join(this.#folder, String(uid))
      if (!(await createFile(path, text))) continue
      await replaceFile(join(this.#folder, CURSOR_FILE), String(uid + 1), { durable: false })
      return { uid, release: () => rm(path, { force: true }) }
    }
    return null
  }

  /** Where the search begins. A lost or damaged cursor costs nothing but the order. */
  async #readCursor(): Promise<number> {
    const { firstAnonymousUid, lastUid } = this.#range
    const cursor = Number(await readFile(join(this.#folder, CURSOR_FILE), 'utf8').catch(() => ''))
    return Number.isInteger(cursor) && cursor >= firstAnonymousUid && cursor <= lastUid ? cursor : firstAnonymousUid
  }

  async #sweep(own: ProcessIdentity): Promise<void> {
    await withFileLock(this.#lockPath, async () => {
      for (const name of await readdir(this.#folder)) {
        const path = join(this.#folder, name)
        if (/^\d+$/.test(name)) await sweepLease(path, own)
        else if (name !== CURSOR_FILE && (await ageMs(path)) > DEAD_LEASE_REST_MS) await rm(path, { force: true })
      }
    })
    this.#lastSweepMs = performance.now()
  }
}

async function sweepLease(path: string, own: ProcessIdentity): Promise<void> {
  const text = await readFile(path, 'utf8').catch(() => null)
  if (text === null) return
  const lease = leaseSchema.safeParse(parseJson(text))
  const sinceBootMs = uptime() * 1000
  if (!lease.success) {
    // Files appear whole, so only a power loss can have damaged this one: it is then older than the boot.
    if ((await ageMs(path)) > sinceBootMs) await rm(path, { force: true })
    return
  }
  const { owner, deadSinceMs } = lease.data
  const state = await findProcessState(owner, own)
  if (state === 'alive') return
  const reboot = owner.bootId !== own.bootId
  const expired = (await ageMs(path)) > MAX_LEASE_AGE_MS
  const rested = deadSinceMs !== null && sinceBootMs - deadSinceMs > DEAD_LEASE_REST_MS
  if (reboot || expired || rested) await rm(path, { force: true })
  else if (state === 'dead' && deadSinceMs === null) {
    await replaceFile(path, JSON.stringify({ owner, deadSinceMs: sinceBootMs }), { durable: false })
  }
}

async function ageMs(path: string): Promise<number> {
  const facts = await stat(path).catch(() => null)
  return facts === null ? 0 : Date.now() - facts.mtimeMs
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
