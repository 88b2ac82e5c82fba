/**
 * Tells of commands: a span, numbers, messages. Arguments, environment and output are never told: they may hold secrets or what a
 * guest chose. Of the program only the base name is, which its caller gave.
 */
import { posix } from 'node:path'
import type { Span } from '@opentelemetry/api'
import { CommandFailedError } from '../errors.js'
import { printable } from '../printable.js'
import { count, errorType, failSpan, publish, startSpan } from '../telemetry/index.js'
import type { CommandOutcome, HostIntervention } from './outcome.js'
import { decideOutcome } from './outcome.js'
import { spawnExitCode, type CommandResult } from './run-command.js'
import type { SandboxProcess } from './sandbox-process.js'

/** Longest base name that is told. */
const MAX_PROGRAM_LENGTH = 64

/** The limits that outcomes tell of. */
const LIMITS: Readonly<Partial<Record<CommandOutcome | 'error', string>>> = {
  oom: 'memory',
  cpuTime: 'cpuTime',
  timeout: 'timeout',
}

let commands = 0

/** What is told of the end of a command. */
interface CommandEnd {
  readonly outcome: CommandOutcome | 'error'
  readonly exitCode: number | null
  readonly signal: string | null
  readonly cpuMs: number
  /** More was printed than is kept. */
  readonly truncated: boolean
  /** The sandbox ended under it: its limit is told there. */
  readonly lost: boolean
  /** What could not be started has one. */
  readonly error?: unknown
}

/** One command, from the call on. */
class ToldCommand {
  readonly #span: Span
  readonly #started = performance.now()
  readonly #about: { readonly sandboxId: string; readonly commandId: number; readonly program: string }

  constructor(sandboxId: string, file: string) {
    const program = printable(posix.basename(file), MAX_PROGRAM_LENGTH)
    this.#about = { sandboxId, commandId: (commands += 1), program }
    this.#span = startSpan('container_sandbox.command', {
      'process.executable.name': program,
      'container_sandbox.sandbox.id': sandboxId,
    })
    publish('container-sandbox:command:start', () => this.#about)
  }

  ended(end: CommandEnd): void {
    const { outcome, exitCode, signal, cpuMs } = end
    const durationMs = performance.now() - this.#started
    const span = this.#span
    span.setAttribute('container_sandbox.outcome', outcome)
    span.setAttribute('container_sandbox.duration_ms', durationMs)
    if (exitCode !== null) span.setAttribute('process.exit.code', exitCode)
    if (outcome === 'error') failSpan(span, errorType(end.error))
    else if (outcome !== 'exited') failSpan(span, outcome)
    // As a refused HTTP request has its status as the class of its error.
    else if (exitCode !== 0) failSpan(span, String(exitCode))
    span.end()
    count('container_sandbox.command.ends', 1, { outcome })
    const limit = end.lost ? undefined : LIMITS[outcome]
    if (limit !== undefined) count('container_sandbox.limit.hits', 1, { limit })
    if (end.truncated) count('container_sandbox.limit.hits', 1, { limit: 'output' })
    publish('container-sandbox:command:end', () => ({
      ...this.#about,
      ...{ outcome, exitCode, signal, durationMs, cpuMs },
    }))
  }

  failed(error: unknown): void {
    const nothing = { exitCode: null, signal: null, cpuMs: 0, truncated: false, lost: false }
    this.ended({ ...nothing, outcome: 'error', error })
  }
}

/** Runs a command to its end and tells of it. */
export async function tellRun(
  sandboxId: string,
  file: string,
  run: () => Promise<CommandResult>,
): Promise<CommandResult> {
  const told = new ToldCommand(sandboxId, file)
  try {
    const result = await run()
    told.ended(endOfResult(result))
    return result
  } catch (error) {
    if (error instanceof CommandFailedError) told.ended(endOfResult(error.result as CommandResult))
    else told.failed(error)
    throw error
  }
}

/** Starts a command and tells of it when it closes. */
export function tellSpawn(
  sandboxId: string,
  file: string,
  spawn: () => { readonly child: SandboxProcess; readonly intervention: () => HostIntervention },
): SandboxProcess {
  const told = new ToldCommand(sandboxId, file)
  try {
    const { child, intervention } = spawn()
    return child.once('close', () => told.ended(endOfChild(child, intervention())))
  } catch (error) {
    told.failed(error)
    throw error
  }
}

function endOfResult(result: CommandResult): CommandEnd {
  const { outcome, exitCode, signal, stdoutTruncated, stderrTruncated, usage } = result
  const truncated = stdoutTruncated || stderrTruncated
  return { outcome, exitCode, signal, cpuMs: usage.cpuMs, truncated, lost: result.error !== null }
}

function endOfChild(child: SandboxProcess, intervention: HostIntervention): CommandEnd {
  const { report, lost, failure, signalCode: signal } = child
  const exitCode = failure === null ? child.exitCode : spawnExitCode(failure)
  const rest = { signal, cpuMs: report?.cpuMs ?? 0, truncated: false, lost: lost !== null }
  if (failure !== null && exitCode === null) return { ...rest, outcome: 'error', exitCode, error: failure }
  const { cause, oomKills } = report ?? { cause: 'none', oomKills: 0 }
  const outcome = decideOutcome({ exitCode, signal, cause, oomKills, intervention, truncated: false, lost })
  return { ...rest, outcome, exitCode }
}
