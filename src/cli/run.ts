/** `run`: one command in a new sandbox, attached to this process as `docker run -i` does. */
import type { SpawnError } from '../errors.js'
import { ContainerSandbox } from '../index.js'
import type { CommandOptions } from '../options/index.js'
import { decideOutcome } from '../sandbox/outcome.js'
import type { CommandResult } from '../sandbox/run-command.js'
import { spawnExitCode } from '../sandbox/run-command.js'
import type { SandboxProcess } from '../sandbox/sandbox-process.js'
import { commandExitCode, signalExitCode } from './exit-code.js'
import { describeFailure } from './failure.js'
import { buildSandboxOptions, type RunFlags } from './run-flags.js'
import { SignalForwarder } from './signal-forwarder.js'
import type { Terminal } from './terminal.js'

/** Time that a command gets between the first signal of its timeout and its end by force, as in the library. */
const KILL_GRACE_MS = 2_000

/**
 * @returns the exit code
 * @throws what {@link ContainerSandbox.create} throws
 */
export async function runCommand(
  terminal: Terminal,
  file: string,
  args: readonly string[],
  flags: RunFlags,
): Promise<number> {
  using signals = new SignalForwarder()
  let sandbox: ContainerSandbox
  try {
    sandbox = await ContainerSandbox.create({ ...buildSandboxOptions(flags), signal: signals.aborted })
  } catch (error) {
    if (signals.received !== null) return signalExitCode(signals.received)
    throw error
  }
  try {
    const options: CommandOptions = flags.cwd === undefined ? {} : { cwd: flags.cwd }
    return flags.json === true
      ? await collect(terminal, sandbox, [file, args, options], flags, signals)
      : await attach(terminal, sandbox.spawn(file, args, options), flags, signals)
  } finally {
    await sandbox.kill()
  }
}

type CommandLine = readonly [file: string, args: readonly string[], options: CommandOptions]

/** Prints the result as JSON. The first signal cancels the command. */
async function collect(
  terminal: Terminal,
  sandbox: ContainerSandbox,
  line: CommandLine,
  flags: RunFlags,
  signals: SignalForwarder,
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
  terminal.printJson({ ...facts, error: error === null ? null : describeFailure(error) })
  if (result.outcome === 'canceled' && signals.received !== null) return signalExitCode(signals.received)
  return commandExitCode({ ...result, lost: error })
}

/** Connects stdin, stdout and stderr of this process with the command until it has ended. */
async function attach(
  terminal: Terminal,
  child: SandboxProcess,
  flags: RunFlags,
  signals: SignalForwarder,
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
  if (failure !== null) return refuse(terminal, failure)
  if (child.lost !== null) terminal.printError(child.lost.message)
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
  return commandExitCode({ outcome, exitCode: child.exitCode, signal: child.signalCode, lost: child.lost })
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
