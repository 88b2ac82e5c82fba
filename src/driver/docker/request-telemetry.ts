/** Tells of each request to the engine: a span, two numbers, a message. */
import { SpanKind, type Span } from '@opentelemetry/api'
import { SandboxError } from '../../errors.js'
import { count, errorType, failSpan, observe, publish, startSpan, within } from '../../telemetry/index.js'
import type { EngineRequest } from './engine-client.js'
import { containerIdOf, operationOf, type EngineOperation } from './engine-operation.js'

/** Takes the status of the engine's answer. */
export type Answered = (statusCode: number) => void

/** Runs a request and tells how it went. A request in the background has no span: what it was begun in is over long before. */
export function tellRequest<T>(request: EngineRequest, work: (answered: Answered) => Promise<T>): Promise<T> {
  const { method, path } = request
  const operation = operationOf(method, path)
  if (request.background === true) return timed(operation, method, null, work)
  const id = containerIdOf(path)
  const attributes = {
    'container_sandbox.operation': operation,
    'http.request.method': method,
    ...(id === null ? {} : { 'container.id': id }),
  }
  const span = startSpan('container_sandbox.engine.request', attributes, SpanKind.CLIENT)
  return within(span, () => timed(operation, method, span, work))
}

async function timed<T>(
  operation: EngineOperation,
  method: string,
  span: Span | null,
  work: (answered: Answered) => Promise<T>,
): Promise<T> {
  const started = performance.now()
  let statusCode: number | null = null
  let failure: string | null = null
  try {
    return await work((status) => (statusCode = status))
  } catch (error) {
    failure = failureOf(error, statusCode)
    throw error
  } finally {
    const durationMs = performance.now() - started
    const attributes = {
      operation,
      ...(statusCode === null ? {} : { 'http.response.status_code': statusCode }),
      ...(failure === null ? {} : { 'error.type': failure }),
    }
    if (span !== null) {
      if (statusCode !== null) span.setAttribute('http.response.status_code', statusCode)
      if (failure !== null) failSpan(span, failure)
      span.end()
    }
    count('container_sandbox.engine.requests', 1, attributes)
    // How long a container runs says nothing of the engine.
    if (operation !== 'container.wait')
      observe('container_sandbox.engine.request.duration', durationMs / 1000, attributes)
    publish('container-sandbox:engine:request', () => ({
      operation,
      method,
      statusCode,
      durationMs,
      errorType: failure,
    }))
  }
}

/** The status of a refusal, as the conventions for HTTP have it; else what the connection failed with. */
function failureOf(error: unknown, statusCode: number | null): string {
  if (statusCode !== null && statusCode >= 400) return String(statusCode)
  const code = error instanceof SandboxError ? error.details['code'] : undefined
  return errorType(typeof code === 'string' ? { code, name: error instanceof Error ? error.name : '' } : error)
}
