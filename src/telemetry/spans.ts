/** Spans: what was done within what, and how long it took. Next to free when no OpenTelemetry SDK is registered. */
import { context, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, type Attributes, type Span } from '@opentelemetry/api'
import { PACKAGE_VERSION } from '../package-version.js'
import { SCOPE } from './meter.js'

/** Every span that the package makes, with what it is around. */
export const SPANS = {
  'container_sandbox.build': 'A build, from its start to its result.',
  'container_sandbox.step': 'A step of a build.',
  'container_sandbox.sandbox.create': 'The start of a sandbox, until it is ready.',
  'container_sandbox.command': 'A command of `run`, `shell` or `spawn`, until its end.',
  'container_sandbox.engine.request': 'A request to the engine, until its answer or, for a stream, its beginning.',
} as const

/** What `error.type` is for an error that has neither a code nor a name that could stand there (semantic conventions). */
const UNKNOWN_ERROR = '_OTHER'

const CODE = /^[A-Z][A-Z0-9_]{0,63}$/
const NAME = /^[A-Za-z_$][\w$]{0,63}$/

/**
 * Runs `work` inside a span, which ends with it. Everything that `work` begins is within the span, also when sandboxes work side
 * by side. An error is recorded by its code or name, never by its words, which may be a guest's.
 */
export function withSpan<T>(name: string, attributes: Attributes, work: (span: Span) => Promise<T>): Promise<T> {
  return trace.getTracer(SCOPE, PACKAGE_VERSION).startActiveSpan(name, { attributes }, async (span) => {
    try {
      return await work(span)
    } catch (error) {
      failSpan(span, errorType(error))
      throw error
    } finally {
      span.end()
    }
  })
}

/**
 * Starts a span below the one that is active now. Whoever starts it ends it.
 * @param kind `CLIENT` for a request to something outside of this process; default `INTERNAL`
 */
export function startSpan(name: string, attributes: Attributes, kind: SpanKind = SpanKind.INTERNAL): Span {
  return trace.getTracer(SCOPE, PACKAGE_VERSION).startSpan(name, { attributes, kind })
}

/** Marks a span as failed. @param type a word of a small set, see {@link errorType} */
export function failSpan(span: Span, type: string): void {
  span.setAttribute('error.type', type)
  span.setStatus({ code: SpanStatusCode.ERROR })
}

/** Runs `work` with `span` as the one that is active: what it begins is within the span. */
export function within<T>(span: Span, work: () => T): T {
  return context.with(trace.setSpan(context.active(), span), work)
}

/** Runs `work` outside of every span: for what is done for nobody in particular. */
export function detached<T>(work: () => T): T {
  return context.with(ROOT_CONTEXT, work)
}

/** The class of an error in a word: its code, else its name. */
export function errorType(error: unknown): string {
  if (typeof error !== 'object' || error === null) return UNKNOWN_ERROR
  const { code, name } = error as { readonly code?: unknown; readonly name?: unknown }
  if (typeof code === 'string' && CODE.test(code)) return code
  return typeof name === 'string' && NAME.test(name) ? name : UNKNOWN_ERROR
}
