/** `run()`: one command from start to result. */
import { Readable } from 'node:stream'
import type { SpawnError } from '../errors.js'
import { CommandFailedError, ProtocolError, RpcError, SandboxError, type SandboxExitedError } from '../errors.js'
import type { CommandArgv, ParsedCommandOptions, ParsedSpawnOptions } from '../options/index.js'
import { decideOutcome, type CommandOutcome, type HostIntervention } from './outcome.js'
import { collectOutput, watchDrain } from './collect-output.js'
import type { SpawnRequest } from './commands.js'
import type { SandboxProcess } from './sandbox-process.js'

/** How a command ended and what it printed. A failing command is a result, not an exception. */
export interface CommandResult<Output extends string | Buffer = string | Buffer> {
  /** The exit code; `null` when a signal ended it. 127: not found, 126: found but not executable, as with `docker run`. */
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly outcome: CommandOutcome
  readonly stdout: Output
  readonly stderr: Output
  /** `true` when more was printed than `outputBytes`; what is kept is the beginning. */
  readonly stdoutTruncated: boolean
  readonly stderrTruncated: boolean
  /** Wall time on the host from the request to the end of the last output. */
  readonly durationMs: number
  readonly usage: {
    /** Processor time of the command and all its descendants. */
    readonly cpuMs: number
    /** The largest resident set of any one of its processes. */
    readonly maxRssBytes: number
    /** Descendants that were still there when it ended; they were killed. */
    readonly leftovers: number
  }
  /** How the sandbox ended, when the command or its output did not come to their end before; else `null`. */
  readonly error: SandboxExitedError | null
}

/** Exit codes that shells and `docker run` use for a command that cannot be started. */
const EXIT_NOT_EXECUTABLE = 126
const EXIT_NOT_FOUND = 127

/** What is wrong with the command itself, so that a shell would say the same; anything else is our failure. */
const COMMAND_ERRNOS: ReadonlyMap<string, number> = new Map([
  ['ENOENT', EXIT_NOT_FOUND],
  ['ENOTDIR', EXIT_NOT_FOUND],
  ['EACCES', EXIT_NOT_EXECUTABLE],
  ['EPERM', EXIT_NOT_EXECUTABLE],
  ['ENOEXEC', EXIT_NOT_EXECUTABLE],
  ['EISDIR', EXIT_NOT_EXECUTABLE],
  ['ELOOP', EXIT_NOT_EXECUTABLE],
  ['ELIBBAD', EXIT_NOT_EXECUTABLE],
  ['E2BIG', EXIT_NOT_EXECUTABLE],
  ['ENAMETOOLONG', EXIT_NOT_FOUND],
])

/** The exit code for a command that could not be started; `null` when that is no fault of the command. */
export function spawnExitCode(error: SpawnError): number | null {
  return error.details['stage'] === 'fork' ? null : (COMMAND_ERRNOS.get(error.code) ?? null)
}

/** What `run` asks of the supervisor: cut output, and a stdin only where there is something to feed. */
export function runRequest(command: CommandArgv, options: ParsedCommandOptions): SpawnRequest {
  const { cwd, env, cpuTimeMs, outputBytes, input } = options
  return { ...command, cwd, env, cpuTimeMs, outputBytes, stdio: { stdin: input !== null, stdout: true, stderr: true } }
}

/** What `spawn` asks for: all of the output, as fast as it is read. */
export function spawnRequest(command: CommandArgv, options: ParsedSpawnOptions): SpawnRequest {
  const { cwd, env, cpuTimeMs } = options
  const stdio = {
    stdin: options.stdin === 'pipe',
    stdout: options.stdout === 'pipe',
    stderr: options.stderr === 'pipe',
  }
  return { ...command, cwd, env, cpuTimeMs, outputBytes: null, stdio }
}

/**
 * Sends the input. That a command ends without reading it all is no failure. After one stdin stays open: the end of the half
 * would look like the end of the whole.
 * @param onFailure - gets what ended the input before its end
 */
function feed(
  { stdin }: SandboxProcess,
  input: NonNullable<ParsedCommandOptions['input']>,
  onFailure: (error: Error) => void,
): void {
  if (stdin === null) return
  const isData = typeof input === 'string' || input instanceof Uint8Array
  const source = input instanceof Readable ? input : Readable.from(isData ? [Buffer.from(input)] : input)
  const fail = (error: Error | null): void => {
    if (!stdin.destroyed && !source.readableEnded) onFailure(error ?? new Error('the input was closed before its end'))
  }
  source.on('error', fail)
  source.once('close', () => fail(source.errored))
  stdin.on('error', () => undefined)
  stdin.once('close', () => {
    if (!source.readableEnded) source.destroy()
  })
  if (source.readableEnded) stdin.end()
  else if (source.destroyed) fail(source.errored)
  else source.pipe(stdin)
}

/** What may end a command early, from `run` and `spawn` options alike. */
interface Interventions {
  readonly timeoutMs: number | null
  readonly signal: AbortSignal | null
  readonly killSignal: NodeJS.Signals
}

/**
 * Ends a command at its deadline or when its signal aborts: first by `killSignal` to its group, after `killGraceMs` by
 * force to the whole tree.
 * @returns what was done so far, and a function that stops watching.
 */
export function superviseCommand(
  child: SandboxProcess,
  { timeoutMs, signal, killSignal }: Interventions,
  killGraceMs: number,
): { readonly intervention: () => HostIntervention; readonly stop: () => void } {
  let intervention: HostIntervention = null
  let force: NodeJS.Timeout | undefined
  const intervene = (what: HostIntervention): void => {
    if (intervention !== null || child.exitCode !== null || child.signalCode !== null) return
    intervention = what
    if (killSignal === 'SIGKILL') child.kill('SIGKILL', 'tree')
    else {
      child.kill(killSignal, 'group')
      force = setTimeout(() => child.kill('SIGKILL', 'tree'), killGraceMs)
    }
  }
  const timer = timeoutMs === null ? undefined : setTimeout(() => intervene('timeout'), timeoutMs)
  const onAbort = (): void => intervene('canceled')
  if (signal?.aborted === true) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  return {
    intervention: () => intervention,
    stop() {
      clearTimeout(timer)
      clearTimeout(force)
      signal?.removeEventListener('abort', onAbort)
    },
  }
}

/**
 * Follows a started command to its end.
 * @throws {SpawnError} when the guest could not start a process for a reason other than the command itself.
 * @throws {CommandFailedError} with `check: true`, when it did not exit with code 0. {@link ProtocolError} when its output never ends.
 * What an `input` stream failed with: a command that was told the half of it is killed.
 */
export async function followCommand(
  child: SandboxProcess,
  options: ParsedCommandOptions,
  killGraceMs: number,
): Promise<CommandResult> {
  const started = performance.now()
  const supervision = superviseCommand(child, options, killGraceMs)
  const progress = { bytes: 0 }
  const drain = watchDrain(child, progress)
  let spawnError: SpawnError | null = null
  child.once('error', (error) => (spawnError = error))
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const inputFailures: Error[] = []
  if (options.input !== null) {
    feed(child, options.input, (error) => {
      // What is canceled is canceled, and its signal may well have ended the input too.
      if (supervision.intervention() !== null) return
      inputFailures.push(error)
      child.kill('SIGKILL', 'tree')
    })
  }
  try {
    const [stdout, stderr] = await Promise.all([
      collectOutput(child.stdout, options.outputBytes, progress),
      collectOutput(child.stderr, options.outputBytes, progress),
      closed,
    ])
    if (drain.expired) throw new ProtocolError('the supervisor told the end of a command, but never that of its output')
    if (inputFailures[0] !== undefined) throw inputFailures[0]
    return finish(child, options, { stdout, stderr, started, intervention: supervision.intervention(), spawnError })
  } finally {
    supervision.stop()
    drain.stop()
  }
}

interface Facts {
  readonly stdout: { readonly bytes: Buffer; readonly total: number }
  readonly stderr: { readonly bytes: Buffer; readonly total: number }
  readonly started: number
  readonly intervention: HostIntervention
  readonly spawnError: SpawnError | null
}

function finish(child: SandboxProcess, options: ParsedCommandOptions, facts: Facts): CommandResult {
  const { report, lost } = child
  let { exitCode } = child
  let stderrBytes = facts.stderr.bytes
  if (facts.spawnError !== null) {
    exitCode = spawnExitCode(facts.spawnError)
    if (exitCode === null) throw ownFailure(facts.spawnError)
    stderrBytes = Buffer.from(`${facts.spawnError.message}\n`)
  }
  const stdoutTruncated = Math.max(facts.stdout.total, report?.stdoutBytes ?? 0) > options.outputBytes
  const stderrTruncated = Math.max(facts.stderr.total, report?.stderrBytes ?? 0) > options.outputBytes
  const outcome = decideOutcome({
    exitCode,
    signal: child.signalCode,
    cause: report?.cause ?? 'none',
    oomKills: report?.oomKills ?? 0,
    intervention: facts.intervention,
    truncated: stdoutTruncated || stderrTruncated,
    lost,
  })
  const decode = (bytes: Buffer): string | Buffer => (options.encoding === 'buffer' ? bytes : bytes.toString('utf8'))
  const result: CommandResult = {
    exitCode,
    signal: child.signalCode,
    outcome,
    stdout: decode(facts.stdout.bytes),
    stderr: decode(stderrBytes),
    stdoutTruncated,
    stderrTruncated,
    durationMs: performance.now() - facts.started,
    usage: { cpuMs: report?.cpuMs ?? 0, maxRssBytes: report?.maxRssBytes ?? 0, leftovers: report?.leftovers ?? 0 },
    error: lost,
  }
  if (options.check && (outcome !== 'exited' || exitCode !== 0)) {
    const how = exitCode === null ? String(child.signalCode) : `exit code ${exitCode}`
    throw new CommandFailedError(`the command failed: ${outcome} (${how})`, result, { cause: lost })
  }
  return result
}

/** The error of ours below a `SpawnError`, for example `CapacityError`; what the guest answered stays a `SpawnError`. */
function ownFailure(error: SpawnError): SandboxError {
  return error.cause instanceof SandboxError && !(error.cause instanceof RpcError) ? error.cause : error
}
