/** Why and how a sandbox ended, told in one typed error that every pending call, stream and wait gets. */
import { constants } from 'node:os'
import { SandboxExitedError, type ExitReason, type SandboxError } from '../errors.js'
import type { ContainerExit } from '../driver/driver.js'

/** Exit codes of the first process in the container; `images/runner` defines them. */
const EXIT_LIFETIME = 124

/** What the host did or saw before the container was gone; the first of them is the reason. */
export interface EndingCause {
  readonly reason: ExitReason
  readonly error?: SandboxError
}

const REASON_TEXT: Readonly<Record<ExitReason, string>> = {
  exited: 'its supervisor ended',
  killed: 'it was killed by kill()',
  oom: 'its memory was full',
  lifetime: 'its lifetime was over',
  lockup: 'it stopped answering',
  protocol: 'it broke the protocol',
  engine: 'the engine lost it',
  startup: 'it did not start',
  jailbreak: 'it broke out of its trace policy',
  trace: 'it could not be traced any longer',
}

/** Joins what the host knows with what the engine reported. Pure. */
export function describeEnding(exit: ContainerExit, cause: EndingCause | null): SandboxExitedError {
  const reason = cause?.reason ?? reasonOf(exit)
  const how = exit.signal ?? (exit.exitCode === null ? 'no exit code' : `exit code ${exit.exitCode}`)
  return new SandboxExitedError(
    `the sandbox is gone: ${REASON_TEXT[reason]} (${how})`,
    { exitCode: exit.exitCode, signal: exit.signal, reason },
    cause?.error === undefined ? {} : { cause: cause.error },
  )
}

function reasonOf(exit: ContainerExit): ExitReason {
  if (exit.cause === 'lost') return 'engine'
  if (exit.exitCode === EXIT_LIFETIME) return 'lifetime'
  return exit.oomKilled && exit.exitCode !== 0 ? 'oom' : 'exited'
}

const SIGNAL_NAMES: ReadonlyMap<number, NodeJS.Signals> = new Map(
  Object.entries(constants.signals).map(([name, number]) => [number, name as NodeJS.Signals]),
)

/** The end of one whose start failed for `cause` before it had a container. */
export function failedToStart(cause: unknown): SandboxExitedError {
  const exit = { exitCode: null, signal: null, reason: 'startup' } as const
  return new SandboxExitedError('the sandbox is gone: its start failed before it had a container', exit, { cause })
}

/** The end of one that was killed before it had a container. */
export function killedBeforeStart(): SandboxExitedError {
  return new SandboxExitedError('the sandbox is gone: it was killed before it was ready', {
    exitCode: null,
    signal: null,
    reason: 'killed',
  })
}

/** The name of a signal number; `null` for none. A real-time signal, which has no name in Node, becomes `SIG<number>`. */
export function signalName(signal: number | null): NodeJS.Signals | null {
  if (signal === null) return null
  return SIGNAL_NAMES.get(signal) ?? (`SIG${signal}` as NodeJS.Signals)
}

/** The number of a signal given by name or number, or `null` when there is none. */
export function signalNumber(signal: NodeJS.Signals | number): number | null {
  if (typeof signal === 'number') return Number.isInteger(signal) && signal >= 0 && signal <= 64 ? signal : null
  return Object.hasOwn(constants.signals, signal) ? constants.signals[signal] : null
}
