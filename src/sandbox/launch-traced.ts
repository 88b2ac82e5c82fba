/**
 * Starts a sandbox' container with a tracer beside it.
 *
 * Theory of operation. The init of a traced sandbox starts nothing before it is given one byte on stdin, the gate. So at the
 * moment when the tracer joins the PID namespace there is one process in it, the init, and no guest that could look at a
 * runtime's helper on its way in. The gate is opened when the tracer has said that it is attached and its own container was
 * read back. The init then looks for itself whether it is traced, and ends when it is not.
 */
import type { ContainerHandle, EngineInfo, SandboxDriver } from '../driver/driver.js'
import { TraceUnavailableError } from '../errors.js'
import type { PreparedImage } from '../image/index.js'
import type { ResolvedTraceOptions } from '../options/index.js'
import { assertAudit, buildTracerSpec, selectAuditProfile, type ContainerSpec } from '../policy/index.js'
import { tracerSeccompProfile } from '../policy/seccomp.js'
import { openEventLog } from '../trace/event-log.js'
import { buildTracerArgv, TraceSession, type PolicyContext } from '../trace/index.js'
import { TracedContainer } from './traced-container.js'

/** What the init waits for. Any byte does; the supervisor never sees it. */
const GATE = Buffer.from('\n')

/** What a traced sandbox is started from. */
export interface TracedLaunch {
  readonly driver: SandboxDriver
  readonly engine: EngineInfo
  readonly spec: ContainerSpec
  readonly options: ResolvedTraceOptions
  readonly context: PolicyContext
  readonly tracerImage: PreparedImage
  readonly tracerLabels: Readonly<Record<string, string>>
  readonly sandboxId: string
  readonly signal: AbortSignal
}

/**
 * @returns a container whose every process is traced, and its trace
 * @throws {TraceUnavailableError} {@link PolicyMismatchError} {@link HostFileError} for the log, and errors of the engine.
 * Nothing is left behind then.
 */
export async function launchTraced(launch: TracedLaunch): Promise<{ container: ContainerHandle; trace: TraceSession }> {
  const { options, context, signal } = launch
  const log = options.log === null ? null : await openEventLog(options.log, { sandboxId: launch.sandboxId })
  let container: ContainerHandle | null = null
  try {
    const pair = await startPair(launch)
    const { sandbox, tracer, tracerSpec } = pair
    container = new TracedContainer(sandbox, tracer)
    const trace = new TraceSession({ tracer, sandbox, options, context, log })
    await attached(trace, sandbox, signal)
    await assertTracer(launch, tracerSpec, tracer)
    sandbox.input.write(GATE)
    return { container, trace }
  } catch (error) {
    await Promise.all([container?.destroy().catch(() => undefined), log?.close().catch(() => undefined)])
    throw error
  }
}

/** The tracer's container is made while the sandbox' starts, and started when that runs: there is a PID namespace to join then. */
async function startPair(launch: TracedLaunch) {
  const { driver, spec, signal } = launch
  const created = await driver.create(spec, signal)
  const tracerSpec = tracerSpecFor(launch, created.id)
  const tracerCreation = driver.create(tracerSpec, signal).catch(asUnavailable(signal))
  tracerCreation.catch(() => undefined)
  let sandbox: ContainerHandle
  try {
    sandbox = await created.start()
  } catch (error) {
    await tracerCreation.then(
      (unused) => unused.discard(),
      () => undefined,
    )
    throw error
  }
  try {
    const tracer = await (await tracerCreation).start().catch(asUnavailable(signal))
    return { sandbox, tracer, tracerSpec }
  } catch (error) {
    await sandbox.destroy().catch(() => undefined)
    throw error
  }
}

function tracerSpecFor({ spec, engine, options, tracerImage, tracerLabels }: TracedLaunch, id: string): ContainerSpec {
  return buildTracerSpec({
    image: tracerImage.reference,
    imageEnv: tracerImage.env,
    sandboxContainer: id,
    argv: buildTracerArgv({ calls: options.calls, pinCpu: options.pinCpu && spec.limits.cpuCount <= 1 }),
    labels: tracerLabels,
    seccomp: tracerSeccompProfile(engine.architecture),
    runtime: spec.runtime,
    cpuCount: spec.limits.cpuCount,
  })
}

/** An engine that cannot make or start a tracer leaves nothing to trace with; an abort stays what it is. */
function asUnavailable(signal: AbortSignal): (cause: unknown) => never {
  return (cause) => {
    signal.throwIfAborted()
    throw new TraceUnavailableError(
      `the tracer's container did not start: ${cause instanceof Error ? cause.message : String(cause)}. ` +
        'Tracing needs an engine that lets a container join the PID namespace of another one and take CAP_SYS_PTRACE.',
      { cause },
    )
  }
}

async function attached(trace: TraceSession, sandbox: ContainerHandle, signal: AbortSignal): Promise<void> {
  let onAbort: (() => void) | undefined
  const aborted = new Promise<never>((_, reject) => {
    onAbort = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
  })
  const gone = sandbox.exited.then(({ exitCode, signal: name }) => {
    throw new TraceUnavailableError(`the sandbox ended before it was traced (${name ?? `exit code ${exitCode}`})`)
  })
  gone.catch(() => undefined)
  try {
    signal.throwIfAborted()
    await Promise.race([trace.attached, gone, aborted])
  } finally {
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort)
  }
}

/** The tracer holds more rights than any guest: it too lives only when everything about it is as it was asked for. */
async function assertTracer({ engine, signal }: TracedLaunch, spec: ContainerSpec, tracer: ContainerHandle) {
  const profile = selectAuditProfile(spec.runtime, engine, process.geteuid?.() === 0)
  assertAudit(spec, await tracer.observe(signal), profile)
}
