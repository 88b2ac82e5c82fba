/** One step: a command in the build's sandbox, with its output masked and logged as it comes. */
import type { Readable } from 'node:stream'
import type { ResolvedBuildStep } from '../options/index.js'
import { ProtocolError, SandboxExitedError, type SpawnError } from '../errors.js'
import { printable } from '../printable.js'
import { watchDrain } from '../sandbox/collect-output.js'
import type { ContainerSandbox } from '../sandbox/container-sandbox.js'
import { decideOutcome, type CommandOutcome, type HostIntervention } from '../sandbox/outcome.js'
import { spawnExitCode } from '../sandbox/run-command.js'
import type { SandboxProcess } from '../sandbox/sandbox-process.js'
import { count } from '../telemetry/index.js'
import type { StepResult } from './build-events.js'
import type { BuildLog } from './log/index.js'
import { forwardOutput, type SecretMasker } from './output/index.js'
import { placeSecretFiles, removeSecretFiles, selectStepSecrets } from './secrets/index.js'
import { stopReason } from './stop.js'

/** How long what was told to end may still go on; then the sandbox is ended instead. */
const STUCK_MS = 15_000

/** Where the workspace stands in the guest. */
export const WORKSPACE = '/workspace'

/** Longest name of a step that has none of its own. */
const MAX_NAME_CHARACTERS = 80

/** What the steps of a build share. */
export interface StepContext {
  readonly sandbox: ContainerSandbox
  readonly env: Readonly<Record<string, string>>
  readonly secrets: Readonly<Record<string, string>>
  readonly masker: SecretMasker
  readonly log: BuildLog
  /** Aborts with a {@link BuildStopped}. */
  readonly signal: AbortSignal
}

/** What a step is called: its own name, or the beginning of its command on one line; masked before it is cut. */
export function stepName(step: ResolvedBuildStep, masker: SecretMasker): string {
  const command = typeof step.run === 'string' ? step.run : step.run.join(' ')
  if (step.name !== null) return masker.text(step.name)
  return printable(masker.text(command.trim()).split('\n', 1)[0] ?? '', MAX_NAME_CHARACTERS)
}

/**
 * Runs one step to its end. A failing step is a result.
 * @throws what placing its secrets throws, and errors of ours when it cannot be started
 */
export async function runStep(step: ResolvedBuildStep, index: number, context: StepContext): Promise<StepResult> {
  const { sandbox, masker, secrets, signal } = context
  const name = stepName(step, masker)
  const own = selectStepSecrets(step.secrets, secrets)
  const env = { ...context.env, ...step.env, ...own.env }
  const hasFiles = own.files.length > 0
  const patience = new Patience(sandbox)
  const onStop = (): void => patience.begin()
  if (signal.aborted) onStop()
  signal.addEventListener('abort', onStop, { once: true })
  try {
    if (hasFiles) await placeSecretFiles(sandbox, own.files, signal)
    try {
      const end = await followStep(step, index, env, patience, context)
      return { index, name, ...end, continued: step.continueOnError && !succeeded(end) }
    } finally {
      if (hasFiles) await removeSecretFiles(sandbox)
    }
  } finally {
    signal.removeEventListener('abort', onStop)
    patience.end()
  }
}

/** Ends a sandbox in which something goes on that was told to end: a command, or a supervisor that does not answer. */
class Patience {
  readonly #sandbox: ContainerSandbox
  #timer: NodeJS.Timeout | undefined

  constructor(sandbox: ContainerSandbox) {
    this.#sandbox = sandbox
  }

  begin(): void {
    this.#timer ??= setTimeout(() => void this.#sandbox.kill(), STUCK_MS)
  }

  end(): void {
    clearTimeout(this.#timer)
  }
}

/** Whether a step did what it should. */
export function succeeded(end: Pick<StepResult, 'outcome' | 'exitCode'>): boolean {
  return end.outcome === 'exited' && end.exitCode === 0
}

type StepEnd = Omit<StepResult, 'index' | 'name' | 'continued'>

async function followStep(
  step: ResolvedBuildStep,
  index: number,
  env: Readonly<Record<string, string>>,
  patience: Patience,
  context: StepContext,
): Promise<StepEnd> {
  const { sandbox, signal } = context
  const [file = '', ...args] = typeof step.run === 'string' ? ['/bin/sh', '-e', '-c', step.run] : step.run
  const started = performance.now()
  const stop = new AbortController()
  let intervention: HostIntervention = null
  const intervene = (what: HostIntervention): void => {
    if (intervention !== null) return
    intervention = what
    stop.abort()
    patience.begin()
  }
  const onStop = (): void => intervene(stopReason(signal) === 'timeout' ? 'timeout' : 'canceled')
  signal.addEventListener('abort', onStop, { once: true })
  const timer = step.timeoutMs === null ? undefined : setTimeout(() => intervene('timeout'), step.timeoutMs)
  const cwd = step.cwd === '.' ? WORKSPACE : `${WORKSPACE}/${step.cwd}`
  try {
    const child = sandbox.spawn(file, args, { cwd, env, stdin: 'ignore', signal: stop.signal })
    if (signal.aborted) onStop()
    const spawnError = await logOutput(child, index, context)
    return endOf(child, spawnError, intervention, started)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onStop)
  }
}

/** Reads both outputs to their ends. @returns why the command could not be started, or `null` */
async function logOutput(child: SandboxProcess, index: number, context: StepContext): Promise<SpawnError | null> {
  const progress = { bytes: 0 }
  const drain = watchDrain(child, progress)
  let spawnError: SpawnError | null = null
  child.once('error', (error) => (spawnError = error))
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  try {
    const read = await Promise.all([
      logStream(child.stdout, 'stdout', index, context, progress),
      logStream(child.stderr, 'stderr', index, context, progress),
      closed,
    ])
    if (drain.expired) throw new ProtocolError('the supervisor told the end of a step, but never that of its output')
    count('container_sandbox.build.bytes', read[0] + read[1], { kind: 'output' })
    if (spawnError !== null) {
      const message = context.masker.text((spawnError as SpawnError).message)
      await context.log.append({ type: 'output', step: index, stream: 'stderr', text: `${printable(message, 500)}\n` })
    }
    return spawnError
  } finally {
    drain.stop()
  }
}

async function logStream(
  stream: Readable | null,
  name: 'stdout' | 'stderr',
  step: number,
  { masker, log }: StepContext,
  progress: { bytes: number },
): Promise<number> {
  if (stream === null) return 0
  const emit = async (text: string): Promise<void> => {
    progress.bytes += text.length
    // What the log does not take any more is read all the same, so that the build goes on.
    if (!log.truncated) await log.append({ type: 'output', step, stream: name, text })
  }
  try {
    return await forwardOutput(stream, { masker, emit })
  } catch {
    // The sandbox ended, or nothing more came: what came so far is the output, and the outcome says why there is no more.
    return progress.bytes
  }
}

function endOf(
  child: SandboxProcess,
  spawnError: SpawnError | null,
  intervention: HostIntervention,
  started: number,
): StepEnd {
  const { report, lost, signalCode } = child
  const exitCode = spawnError === null ? child.exitCode : spawnExitCode(spawnError)
  if (spawnError !== null && exitCode === null) throw spawnError.cause instanceof Error ? spawnError.cause : spawnError
  const outcome: CommandOutcome = decideOutcome({
    exitCode,
    signal: signalCode,
    cause: report?.cause ?? 'none',
    oomKills: report?.oomKills ?? 0,
    intervention,
    truncated: false,
    lost: lost instanceof SandboxExitedError ? lost : null,
  })
  const usage = { cpuMs: report?.cpuMs ?? 0, maxRssBytes: report?.maxRssBytes ?? 0 }
  return { outcome, exitCode, signal: signalCode, durationMs: performance.now() - started, ...usage }
}
