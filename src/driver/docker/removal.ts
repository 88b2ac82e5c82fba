/** Gets rid of a container, whatever state it and the engine are in. */
import { setTimeout as delay } from 'node:timers/promises'
import { EngineUnavailableError } from '../../errors.js'
import { isNotFound, statusCodeOf } from './engine-error.js'
import type { EngineClient } from './engine-client.js'

/** Milliseconds. The engine itself gives a killed process 10 s before it reports a failure. */
export const DEFAULT_REMOVAL_TIMEOUT_MS = 30_000

const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 1_000

/** How a removal goes on and when it gives up. */
export interface RemovalOptions {
  /** Milliseconds until it gives up. Default 30,000. */
  readonly timeoutMs?: number
  /** Go on for this many milliseconds while there is no such container: its creation may still be under way. Default 0. */
  readonly absentForMs?: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Kills by force and removes with the anonymous volumes; tries again while the engine is busy, restarting or already at it.
 *
 * @param reference the container's id or name
 * @returns `true` when this call removed it, `false` when there was none
 * @throws {EngineUnavailableError} {@link EngineRequestError} what stood in the way last, after the deadline
 */
export async function removeContainer(
  client: EngineClient,
  reference: string,
  { timeoutMs = DEFAULT_REMOVAL_TIMEOUT_MS, absentForMs = 0, signal }: RemovalOptions = {},
): Promise<boolean> {
  const deadline = performance.now() + timeoutMs
  let absentSince: number | null = null
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    const remainingMs = Math.max(1, deadline - performance.now())
    try {
      await client.request({
        what: 'remove a container',
        method: 'DELETE',
        path: `/containers/${reference}`,
        query: { force: true, v: true },
        timeoutMs: remainingMs,
        signal,
      })
      return true
    } catch (error) {
      signal?.throwIfAborted()
      const now = performance.now()
      if (isNotFound(error)) {
        absentSince ??= now
        if (now - absentSince >= absentForMs) return false
      } else if (now + pauseMs >= deadline || !isTransient(error)) {
        throw error
      }
    }
    await delay(pauseMs, undefined, signal === undefined ? {} : { signal })
  }
}

/** Kills without removing. A container that does not run, or is not there, is fine. */
export async function killContainer(client: EngineClient, id: string, timeoutMs: number): Promise<void> {
  try {
    await client.request({
      what: 'kill a container',
      method: 'POST',
      path: `/containers/${id}/kill`,
      query: { signal: 'SIGKILL' },
      timeoutMs,
    })
  } catch (error) {
    const status = statusCodeOf(error)
    if (status !== 404 && status !== 409) throw error
  }
}

/** 409: a removal is already in progress. 5xx: the storage or the runtime is busy. No answer: the engine may come back. */
function isTransient(error: unknown): boolean {
  const status = statusCodeOf(error)
  return error instanceof EngineUnavailableError || status === 409 || (status !== null && status >= 500)
}
