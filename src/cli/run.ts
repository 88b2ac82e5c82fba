/** `run`: one command in a new sandbox, attached to this process as `docker run -i` does. */
import { SandboxError, type SandboxExitedError, type SpawnError } from '../errors.js'
import { ContainerSandbox } from '../index.js'
import type { CommandOptions, SandboxOptions } from '../options/index.js'
import { decideOutcome, type CommandOutcome } from '../sandbox/outcome.js'
import type { CommandResult } from '../sandbox/run-command.js'
import { spawnExitCode } from '../sandbox/run-command.js'
import type { SandboxProcess } from '../sandbox/sandbox-process.js'
import { commandExitCode, signalExitCode } from './exit-code.js'
import { describeFailure } from './failure.js'
import { buildSandboxOptions, type RunFlags } from './run-flags.js'
import { SignalForwarder } from './signal-forwarder.js'
import type { Terminal } from './terminal.js'

/** What another command does besides running: `trace` follows the sandbox. */
export interface RunCompanion {
  /** Options of the sandbox that no flag of `run` gives. */
  readonly options: SandboxOptions
  /** The sandbox is ready, and nothing was run in it yet. */
  begin(sandbox: ContainerSandbox): void
  /** The command has ended. @returns what the document of `--json` has besides */
  end(sandbox: ContainerSandbox, ended: CommandEnding): Promise<Readonly<Record<string, unknown>>>
}

/** How a command ended. */
export interface CommandEnding {
  readonly outcome: CommandOutcome
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
}

const ALONE: RunCompanion = { options: {}, begin: () => undefined, end: () => Promise.resolve({}) }

/** Time that a command gets between the first signal of its timeout and its end by force, as in the library. */
const KILL_GRACE_MS = 2_000

/**
 * @returns the exit code
 * @throws what {@link ContainerSandbox.create} throws, and the companion
 */
export async function runCommand(
  terminal: Terminal,
  file: string,
  args: readonly string[],
  flags: RunFlags,
  companion: RunCompanion = ALONE,
): Promise<number> {
  using signals = new SignalForwarder()
  let sandbox: ContainerSandbox
  try {
    sandbox = await ContainerSandbox.create({
      ...buildSandboxOptions(flags),
      ...companion.options,
      signal: signals.aborted,
    })
  } catch (error) {
    if (signals.received !== null) return signalExitCode(signals.received)
    throw error
  }
  try {
    companion.begin(sandbox)
    const end: EndCommand = (ended) => companion.end(sandbox, ended)
    const options: CommandOptions = flags.cwd === undefined ? {} : { cwd: flags.cwd }
    return flags.json === true
      ? await collect(terminal, sandbox, [file, args, options], flags, signals, end)
      : await attach(terminal, sandbox.spawn(file, args, options), flags, signals, end)
  } finally {
    await sandbox.kill()
  }
}

type EndCommand = (ended: CommandEnding) => Promise<Readonly<Record<string, unknown>>>

type CommandLine = readonly [file: string, args: readonly string[], options: CommandOptions]

/** Prints the result as JSON. The first signal cancels the command. */
async function collect(
  terminal: Terminal,
  sandbox: ContainerSandbox,
  line: CommandLine,
  flags: RunFlags,
  signals: SignalForwarder,
  end: EndCommand,
): Promise<number> {
  const canceled = new AbortController()
  signals.attach({
    kill: () => {
      canceled.abort()
      return true
    },
  })
  const [file, args, options] = line
  const timeoutMs = flags.timeout ?? null
  const result: CommandResult<string> = await sandbox.run(file, args, {
    ...options,
    input: process.stdin,
    timeoutMs,
    signal: canceled.signal,
  })
  const { error, ...facts } = result
  const more = await end(result)
  terminal.printJson({ ...facts, error: error === null ? null : describeFailure(error), ...more })
  if (result.outcome === 'canceled' && signals.received !== null) return signalExitCode(signals.received)
  return commandExitCode({ ...result, lost: error })
}

/** Connects stdin, stdout and stderr of this process with the command until it has ended. */
async function attach(
  terminal: Terminal,
  child: SandboxProcess,
  flags: RunFlags,
  signals: SignalForwarder,
  end: EndCommand,
): Promise<number> {
  let timedOut = false
  let failure: SpawnError | null = null
  child.once('spawn', () => signals.attach(child))
  child.once('error', (error) => (failure = error))
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  connect(terminal, child)
  const timers: NodeJS.Timeout[] = []
  if (flags.timeout !== undefined) {
    const expire = (): void => {
      timedOut = child.kill('SIGTERM', 'group')
      timers.push(setTimeout(() => child.kill('SIGKILL', 'tree'), KILL_GRACE_MS))
    }
    timers.push(setTimeout(expire, flags.timeout))
  }
  await closed
  for (const timer of timers) clearTimeout(timer)
  if (failure !== null) {
    const exitCode = refuse(terminal, failure)
    await end({ outcome: 'exited', exitCode, signal: null })
    return exitCode
  }
  if (child.lost !== null) printLoss(terminal, child.lost)
  const outcome = decideOutcome({
    exitCode: child.exitCode,
    signal: child.signalCode,
    cause: child.report?.cause ?? 'none',
    oomKills: child.report?.oomKills ?? 0,
    intervention: timedOut ? 'timeout' : null,
    truncated: false,
    lost: child.lost,
  })
  const note = OUTCOME_NOTES[outcome]
  if (note !== undefined) terminal.printError(note)
  const ended = { outcome, exitCode: child.exitCode, signal: child.signalCode }
  await end(ended)
  return commandExitCode({ ...ended, lost: child.lost })
}

/** Also tells what lies behind it, such as the access that the trace policy does not allow. */
function printLoss(terminal: Terminal, lost: SandboxExitedError): void {
  terminal.printError(lost.message)
  if (lost.cause instanceof SandboxError) terminal.printError(lost.cause.message)
}

/** What a user could not tell from the exit code. */
const OUTCOME_NOTES: Readonly<Record<string, string | undefined>> = Object.freeze({
  timeout: 'the command was ended: it ran longer than --timeout',
  cpuTime: 'the command was killed: it used more CPU time than --cpu-time',
  oom: 'the kernel killed a process for memory: raise --memory if the command needs more',
})

function connect(terminal: Terminal, child: SandboxProcess): void {
  const { stdin, stdout, stderr } = child
  if (stdin !== null) {
    // A command that closes its stdin, or ends, is no failure: nobody reads any more.
    stdin.on('error', () => undefined)
    stdin.once('close', () => process.stdin.destroy())
    process.stdin.on('error', () => stdin.end())
    process.stdin.pipe(stdin)
  }
  for (const [from, to] of [
    [stdout, terminal.output],
    [stderr, terminal.errorOutput],
  ] as const) {
    if (from === null) continue
    // The sandbox ended: the exit code and the message tell.
    from.on('error', () => undefined)
    // Our reader went away (`| head`): the guest's next write fails, as in a pipe of the shell.
    to.once('close', () => from.destroy())
    from.pipe(to, { end: false })
  }
}

/** The command could not be started. @throws the error when that is not the command's own fault */
function refuse(terminal: Terminal, error: SpawnError): number {
  const code = spawnExitCode(error)
  if (code === null) throw error
  terminal.printError(error.message)
  return code
}
