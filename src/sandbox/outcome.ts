/**
 * How a command ended, decided from facts alone.
 *
 * What ended the command wins over what merely happened to it: a command that printed too much and then ran into its
 * deadline is a `timeout`. Among causes the order below is the order of precedence.
 */
import type { ExitReason, SandboxExitedError } from '../errors.js'

/**
 * - `exited`: it ended by itself; see `exitCode`.
 * - `signaled`: a signal ended it that nobody on the host asked for as a limit; see `signal`.
 * - `timeout`: it ran longer than `timeoutMs`.
 * - `cpuTime`: it and its descendants used more processor time than `cpuTimeMs`.
 * - `oom`: the kernel killed a process of it for memory, and it did not succeed; or the sandbox ended under it for memory.
 * - `outputLimit`: it ended by itself, but printed more than `outputBytes` on a stream; the prefix is kept.
 * - `canceled`: its `AbortSignal` fired.
 * - `jailbreak`: it was killed for something that the trace policy does not allow.
 * - `lost`: the sandbox ended under it.
 */
export type CommandOutcome =
  'exited' | 'signaled' | 'timeout' | 'cpuTime' | 'oom' | 'outputLimit' | 'canceled' | 'jailbreak' | 'lost'

/** What the host did to a command. */
export type HostIntervention = 'timeout' | 'canceled' | 'jailbreak' | null

/** Everything that the outcome of a command is told from. */
export interface CommandEnd {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  /** What the supervisor says ended it. */
  readonly cause: 'none' | 'cpuTime' | 'treeKilled' | 'supervisorKilled'
  /** How many times the kernel killed a process of this sandbox for memory while the command ran. */
  readonly oomKills: number
  readonly intervention: HostIntervention
  readonly truncated: boolean
  /** Set when the sandbox ended before the command's end was reported. */
  readonly lost: SandboxExitedError | null
}

/** Ends of a sandbox that tell more about its commands than that they are lost. */
const LOST_OUTCOMES: ReadonlyMap<ExitReason, CommandOutcome> = new Map([
  ['oom', 'oom'],
  ['jailbreak', 'jailbreak'],
])

/** Decides the outcome of a command. Pure. */
export function decideOutcome(end: CommandEnd): CommandOutcome {
  if (end.intervention !== null) return end.intervention
  if (end.lost !== null) return LOST_OUTCOMES.get(end.lost.reason) ?? 'lost'
  if (end.cause === 'cpuTime') return 'cpuTime'
  const succeeded = end.exitCode === 0
  if (end.oomKills > 0 && !succeeded) return 'oom'
  if (end.signal !== null) return end.signal === 'SIGXCPU' ? 'cpuTime' : 'signaled'
  return end.truncated ? 'outputLimit' : 'exited'
}
