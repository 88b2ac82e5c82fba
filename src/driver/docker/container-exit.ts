/** How a container ended, from the engine's word alone: the end of the attached connection is no exit. */
import { constants } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import type { ContainerExit } from '../driver.js'
import { isNotFound } from './engine-error.js'
import type { EngineClient } from './engine-client.js'

/** How long an engine that went away is given to come back before the container counts as lost. Milliseconds. */
const LOST_AFTER_MS = 10_000

const INSPECT_TIMEOUT_MS = 5_000
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 1_000

/** `128 + n` in an exit code stands for signal n (bash(1), runc and our init follow it). */
const SIGNAL_BASE = 128

const LOST: ContainerExit = { exitCode: null, signal: null, oomKilled: false, cause: 'lost' }

/** `State` of a container as the engine inspects it. */
interface ContainerState {
  readonly Running: boolean
  readonly ExitCode: number
  readonly OOMKilled: boolean
}

/**
 * Waits until the engine says that the container ended. Never rejects.
 *
 * When the wait breaks, the engine is asked again for up to 10 s: it may be restarting, and with live-restore the
 * container goes on. When it does not come back, or no longer knows the container, the container is `lost`.
 *
 * @param id a container that was started
 * @param signal gives up at once; the container then counts as lost
 */
export async function waitForExit(client: EngineClient, id: string, signal: AbortSignal): Promise<ContainerExit> {
  for (;;) {
    try {
      const answer = await client.request({
        what: 'wait for a container',
        method: 'POST',
        path: `/containers/${id}/wait`,
        timeoutMs: null,
        signal,
        background: true,
      })
      const { StatusCode: exitCode } = answer as { StatusCode: number }
      const state = await inspectState(client, id, signal).catch(() => null)
      // Right after an engine's restart the wait can end without an end of the container.
      if (state?.Running !== true) return exitOf(state?.ExitCode ?? exitCode, state?.OOMKilled ?? false)
    } catch (error) {
      if (signal.aborted || isNotFound(error)) return LOST
    }
    const state = await findState(client, id, signal)
    if (state === null) return LOST
    if (!state.Running) return exitOf(state.ExitCode, state.OOMKilled)
  }
}

/** @returns the outcome for an exit code; 128 + n is reported as code and signal */
export function exitOf(exitCode: number, oomKilled: boolean): ContainerExit {
  const number = exitCode - SIGNAL_BASE
  const signal = Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? null
  return { exitCode, signal: signal as NodeJS.Signals | null, oomKilled, cause: 'exited' }
}

async function findState(client: EngineClient, id: string, signal: AbortSignal): Promise<ContainerState | null> {
  const deadline = performance.now() + LOST_AFTER_MS
  for (let pauseMs = FIRST_PAUSE_MS; performance.now() < deadline; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    try {
      return await inspectState(client, id, signal, Math.min(INSPECT_TIMEOUT_MS, deadline - performance.now()))
    } catch (error) {
      if (signal.aborted || isNotFound(error)) return null
    }
    await delay(pauseMs, undefined, { signal }).catch(() => undefined)
  }
  return null
}

async function inspectState(
  client: EngineClient,
  id: string,
  signal: AbortSignal,
  timeoutMs = INSPECT_TIMEOUT_MS,
): Promise<ContainerState> {
  const path = `/containers/${id}/json`
  const request = { what: 'inspect a container', method: 'GET', path, timeoutMs, signal, background: true } as const
  const answer = await client.request(request)
  return (answer as { State: ContainerState }).State
}
