/**
 * Counts failed attempts and says how long the next one has to wait.
 *
 * Three counts, each with its own wait; the longest holds:
 * - **pair**: one user from one origin. A few failures are free, then the wait doubles up to a cap. A right password clears it.
 * - **user**: one user from all origins, ten times as many free. It slows down guessing from many addresses.
 * - **origin**: all users from one origin, ten times as many free. It slows down trying one password on many names.
 *
 * Others can make a user wait, never for longer than the cap, and not where the user has logged in before: a pair that was
 * right once is no longer subject to the counts of user and origin (OWASP, "Device Cookies", does this with a cookie). There is no
 * count over all users: nobody can make everybody wait. Names that do not exist are counted like others.
 *
 * A wait begins when an attempt has failed; attempts during it are refused unseen and do not prolong it. The counts live in this
 * process: a service of several processes multiplies the free failures, not the waits.
 */
import { createHash } from 'node:crypto'
import type { ResolvedLoginGuardOptions } from '../options/index.js'

/** Free failures of a user or an origin, as a multiple of those of a pair. */
const WIDE_FACTOR = 10

/** Candidates for removal that are looked at when the table is full. */
const SCANNED = 64

interface Count {
  failures: number
  /** In ms of the monotonic clock. */
  lastFailureMs: number
  blockedUntilMs: number
  /** A pair: a password was right from there. */
  isTrusted: boolean
}

/** Who tries: a user of a directory, and from where. */
export interface Attempt {
  readonly directory: string
  readonly username: string
  /** For example the address of the client; `null` when the caller does not tell. */
  readonly origin: string | null
}

type Limits = Pick<
  ResolvedLoginGuardOptions,
  'freeFailures' | 'firstDelayMs' | 'maxDelayMs' | 'forgetMs' | 'maxTracked'
>

/** Failures and waits of users and origins. */
export class LoginThrottle {
  readonly #limits: Limits
  readonly #now: () => number
  /** In the order of the last change, so that the first ones are the oldest. */
  readonly #counts = new Map<string, Count>()

  /** @param now - a monotonic clock in ms */
  constructor(limits: Limits, now: () => number = () => performance.now()) {
    this.#limits = limits
    this.#now = now
  }

  /** How many users, origins and pairs are counted now. */
  get size(): number {
    return this.#counts.size
  }

  /** @returns how long an attempt has to wait, in ms; 0 when it may be checked now */
  waitMs(attempt: Attempt): number {
    const now = this.#now()
    const pair = this.#find(pairKey(attempt), now)
    const counts = [pair, ...(pair?.isTrusted === true ? [] : this.#wideCounts(attempt, now))]
    const until = Math.max(...counts.map((count) => count?.blockedUntilMs ?? 0))
    return Math.max(0, Math.ceil(until - now))
  }

  /** Counts a failure. Call it for every attempt whose password was looked at and not found right. */
  failed(attempt: Attempt): void {
    const { freeFailures } = this.#limits
    const isTrusted = this.#find(pairKey(attempt), this.#now())?.isTrusted === true
    this.#add(pairKey(attempt), freeFailures)
    // Guesses from a trusted origin are bounded by its pair alone; counted for the user they would lock out other origins.
    if (attempt.origin === null || isTrusted) return
    this.#add(userKey(attempt), freeFailures * WIDE_FACTOR)
    this.#add(originKey(attempt.origin), freeFailures * WIDE_FACTOR)
  }

  /**
   * Clears what is held against the user. The origin's count stays: whoever has an account could else clear it at will.
   */
  succeeded(attempt: Attempt): void {
    this.#counts.delete(userKey(attempt))
    this.#counts.delete(pairKey(attempt))
    if (attempt.origin === null) return
    this.#put(pairKey(attempt), { failures: 0, lastFailureMs: this.#now(), blockedUntilMs: 0, isTrusted: true })
  }

  #wideCounts(attempt: Attempt, now: number): (Count | undefined)[] {
    if (attempt.origin === null) return []
    return [this.#find(userKey(attempt), now), this.#find(originKey(attempt.origin), now)]
  }

  #add(key: string, free: number): void {
    const now = this.#now()
    const { firstDelayMs, maxDelayMs } = this.#limits
    const before = this.#find(key, now)
    const failures = (before?.failures ?? 0) + 1
    // 2 ** 40 ms is beyond every cap; more would only become Infinity.
    const delay = failures <= free ? 0 : Math.min(maxDelayMs, firstDelayMs * 2 ** Math.min(40, failures - free - 1))
    this.#counts.delete(key)
    this.#put(key, {
      failures,
      lastFailureMs: now,
      blockedUntilMs: now + delay,
      isTrusted: before?.isTrusted ?? false,
    })
  }

  #find(key: string, now: number): Count | undefined {
    const count = this.#counts.get(key)
    if (count === undefined || now - count.lastFailureMs <= this.#limits.forgetMs) return count
    if (!count.isTrusted) {
      this.#counts.delete(key)
      return undefined
    }
    count.failures = 0
    return count
  }

  #put(key: string, count: Count): void {
    if (this.#counts.size >= this.#limits.maxTracked) this.#removeOne()
    this.#counts.set(key, count)
  }

  /**
   * Of the oldest entries the one with the fewest failures. A flood of names thus removes its own entries first, and whoever is
   * guessing at one user cannot wash away that user's count with a few other names.
   */
  #removeOne(): void {
    let chosen: string | undefined
    let fewest = Infinity
    let scanned = 0
    for (const [key, { failures, isTrusted }] of this.#counts) {
      const weight = isTrusted ? failures + 1 : failures
      if (weight < fewest) [chosen, fewest] = [key, weight]
      scanned += 1
      if (scanned >= SCANNED) break
    }
    if (chosen !== undefined) this.#counts.delete(chosen)
  }
}

function pairKey({ directory, username, origin }: Attempt): string {
  return keyOf('pair', directory, username, origin)
}

function userKey({ directory, username }: Attempt): string {
  return keyOf('user', directory, username)
}

function originKey(origin: string): string {
  return keyOf('origin', origin)
}

/** Of one length whatever is given, so that long names take no memory; and a password typed as a name is not kept. */
function keyOf(...parts: readonly (string | null)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64')
}
