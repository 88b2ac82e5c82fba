/** Tells of the start and the end of sandboxes: a span for the start, numbers, messages. */
import type { SandboxExitedError } from '../errors.js'
import { count, errorType, failSpan, observe, publish, startSpan, within } from '../telemetry/index.js'

/** What is told of a sandbox. */
interface Subject {
  readonly id: string
  readonly launched: { readonly container: { readonly id: string } } | null
}

/** Runs its argument within the span of the start. */
export type WithinStart = <T>(work: () => T) => T

/**
 * Runs a start and tells how it went.
 * @param start makes its requests through `within`; what it leaves running belongs to whoever asked for the sandbox
 */
export async function tellStart(sandbox: Subject, start: (within: WithinStart) => Promise<void>): Promise<void> {
  const span = startSpan('container_sandbox.sandbox.create', { 'container_sandbox.sandbox.id': sandbox.id })
  const started = performance.now()
  let error: unknown = null
  try {
    await start((work) => within(span, work))
  } catch (failure) {
    error = failure
    failSpan(span, errorType(failure))
    throw failure
  } finally {
    const durationMs = performance.now() - started
    const containerId = sandbox.launched?.container.id ?? null
    if (containerId !== null) span.setAttribute('container.id', containerId)
    span.end()
    const failure = error === null ? {} : { 'error.type': errorType(error) }
    count('container_sandbox.sandbox.starts', 1, { kind: 'cold', ...failure })
    observe('container_sandbox.sandbox.start.duration', durationMs / 1000, failure)
    publish('container-sandbox:sandbox:start', () => ({ sandboxId: sandbox.id, containerId, durationMs, error }))
  }
}

/** Tells that the container of a sandbox is gone. */
export function tellEnd(sandbox: Subject, { reason, exitCode, signal }: SandboxExitedError): void {
  count('container_sandbox.sandbox.ends', 1, { reason })
  if (reason === 'oom') count('container_sandbox.limit.hits', 1, { limit: 'memory' })
  if (reason === 'lifetime') count('container_sandbox.limit.hits', 1, { limit: 'lifetime' })
  const containerId = sandbox.launched?.container.id ?? null
  publish('container-sandbox:sandbox:end', () => ({ sandboxId: sandbox.id, containerId, reason, exitCode, signal }))
}
