/**
 * From a running container to a sandbox that is ready: the supervisor's first word, the read-back of what is in force, then
 * the program. Guest code runs only after both.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { PluginError, ProgramError, SandboxError, SandboxExitedError, StartupError } from '../errors.js'
import { printable } from '../printable.js'
import type { ResolvedSandboxOptions } from '../options/index.js'
import { abortable } from './abortable.js'
import type { LaunchedContainer } from './launch.js'
import type { Session } from './session.js'
import { verifyIsolation, type IsolationReport, type Verification } from './verify.js'

/** How long, in milliseconds, what fails its verification may take to turn out to have ended. The engine tells of an end at once. */
const END_MS = 1_500

/** What a start works on. */
export interface Startup {
  readonly session: Session
  readonly launched: LaunchedContainer
  readonly options: Pick<ResolvedSandboxOptions, 'timeouts'>
  /** Aborts when the sandbox is killed or its own signal aborts. */
  readonly signal: AbortSignal
  /** What is in force is verified; guest code comes next, when this has resolved. */
  readonly onVerified: (report: IsolationReport, signal: AbortSignal) => Promise<void>
  /** Starts the program; `null` when there is none. */
  readonly startProgram: ((signal: AbortSignal) => Promise<void>) | null
}

/**
 * @throws {StartupError} when `timeouts.startupMs` is over first. {@link PolicyMismatchError} {@link ProgramError}
 */
export async function bringUp(startup: Startup): Promise<void> {
  const { session, launched, options, startProgram } = startup
  const { startupMs } = options.timeouts
  const deadline = AbortSignal.timeout(startupMs)
  const signal = AbortSignal.any([startup.signal, deadline])
  let phase = 'the supervisor did not answer in time'
  try {
    const verified = verifyIsolation(verificationOf(session, launched), signal).catch(async (error: unknown) => {
      throw signal.aborted ? error : ((await endWithin(session, END_MS)) ?? error)
    })
    const report = await abortable(signal, verified)
    phase = "a plugin's hook onSpawn did not return"
    await startup.onVerified(report, signal)
    if (startProgram === null) return
    phase = 'the program never returned from loading'
    await abortable(signal, startProgram(signal))
  } catch (error) {
    const isTold = error instanceof ProgramError || error instanceof PluginError
    if (!deadline.aborted || startup.signal.aborted || isTold) throw error
    throw new StartupError(
      `the sandbox was not ready within startupMs (${startupMs} ms): ${phase}, or the engine is overloaded`,
      { cause: error, retryable: startProgram === null },
    )
  }
}

/**
 * What ends while it is looked at looks wrong in any way: threads, files and the container itself are missing. Then its end is
 * told, and not what was missing.
 */
async function endWithin(session: Session, ms: number): Promise<SandboxExitedError | null> {
  const patience = new AbortController()
  const expired = delay(ms, null, { signal: patience.signal }).catch(() => null)
  try {
    return await Promise.race([session.ended, expired])
  } finally {
    patience.abort()
  }
}

/** What `start()` rejects with: the first failure, not the end of the container that followed it. */
export function startFailure(error: unknown, session: Session | null): unknown {
  if (!(error instanceof SandboxExitedError) || session === null) return error
  if (error.cause instanceof SandboxError) return error.cause
  if (error.reason === 'killed') return error
  const words = printable(session.stderrTail.trim(), 1_000)
  const said = words === '' ? '' : `; it said: ${words}`
  return new StartupError(`the sandbox ended while it started: ${error.message}${said}`, { cause: error })
}

/** What is verified of a sandbox, at its start and whenever it is asked for. */
export function verificationOf(session: Session, { container, engine, spec }: LaunchedContainer): Verification {
  return { container, engine, spec, channel: session.channel, supervisorReady: session.supervisorReady }
}
