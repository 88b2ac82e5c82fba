/** Spans: what was done within what, and how long it took. Free when no OpenTelemetry SDK is registered. */
import { SpanStatusCode, trace, type Attributes, type Span } from '@opentelemetry/api'
import { PACKAGE_VERSION } from '../package-version.js'
import { SCOPE } from './metrics.js'

/** Runs `work` inside a span, which ends with it; an error is recorded by its name and code, never by guest text. */
export function withSpan<T>(name: string, attributes: Attributes, work: (span: Span) => Promise<T>): Promise<T> {
  return trace.getTracer(SCOPE, PACKAGE_VERSION).startActiveSpan(name, { attributes }, async (span) => {
    try {
      return await work(span)
    } catch (error) {
      const { name: type, code } = error as { readonly name?: string; readonly code?: string }
      span.setAttribute('error.type', code ?? type ?? 'Error')
      span.setStatus({ code: SpanStatusCode.ERROR })
      throw error
    } finally {
      span.end()
    }
  })
}
