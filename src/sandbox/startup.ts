/**
 * From a running container to a sandbox that is ready: the supervisor's first word, the read-back of what is in force, then
 * the program. Guest code runs only after both.
 */
import { ProgramError, SandboxError, SandboxExitedError, StartupError } from '../errors.js'
import { printable } from '../printable.js'
import type { RpcPeer } from '../protocol/index.js'
import type { ResolvedSandboxOptions } from '../options/index.js'
import type { LaunchedContainer } from './launch.js'
import { startProgram, type ProgramSource, type RunningProgram } from './program.js'
import type { Session } from './session.js'
import { verifyIsolation, type IsolationReport, type Verification } from './verify.js'

/** What a start works on. */
export interface Startup {
  readonly session: Session
  readonly launched: LaunchedContainer
  readonly options: Pick<ResolvedSandboxOptions, 'permissions' | 'timeouts'>
  readonly program: ProgramSource | null
  readonly programPeer: RpcPeer
  /** Aborts when the sandbox is killed or its own signal aborts. */
  readonly signal: AbortSignal
  /** What is in force is verified; guest code comes next. */
  readonly onVerified: (report: IsolationReport) => void
  readonly onProgram: (program: RunningProgram) => void
}

/**
 * @throws {StartupError} when `timeouts.startupMs` is over first. {@link PolicyMismatchError} {@link ProgramError}
 */
export async function bringUp(startup: Startup): Promise<void> {
  const { session, launched, program, programPeer, options, onProgram } = startup
  const { startupMs } = options.timeouts
  const deadline = AbortSignal.timeout(startupMs)
  const signal = AbortSignal.any([startup.signal, deadline])
  const { env } = launched
  let phase = 'the supervisor did not answer in time'
  try {
    const verified = verifyIsolation(verificationOf(session, launched), signal)
    startup.onVerified(await abortable(signal, verified))
    if (program === null) return
    phase = 'the program never returned from loading'
    const { permissions } = options
    await abortable(signal, startProgram({ session, peer: programPeer, program, permissions, env, signal }, onProgram))
  } catch (error) {
    if (!deadline.aborted || startup.signal.aborted || error instanceof ProgramError) throw error
    throw new StartupError(
      `the sandbox was not ready within startupMs (${startupMs} ms): ${phase}, or the engine is overloaded`,
      { cause: error, retryable: program === null },
    )
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

/** Rejects with the signal's reason as soon as it aborts; the work itself is ended by whoever aborts. */
function abortable<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  work.catch(() => undefined)
  if (signal.aborted) return Promise.reject(signal.reason as Error)
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

/** What is verified of a sandbox, at its start and whenever it is asked for. */
export function verificationOf(session: Session, { container, engine, spec }: LaunchedContainer): Verification {
  return { container, engine, spec, channel: session.channel, supervisorReady: session.supervisorReady }
}
