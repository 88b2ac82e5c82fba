import { SpanStatusCode, trace } from '@opentelemetry/api'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EngineUnavailableError } from '../../../src/errors.js'
import { detached, errorType, startSpan, within, withSpan } from '../../../src/telemetry/index.js'
import { rejection } from '../../helpers/sandboxes.js'
import { MemoryTelemetry } from '../../helpers/open-telemetry.js'

let sdk: MemoryTelemetry
beforeEach(() => void (sdk = new MemoryTelemetry()))
afterEach(() => sdk.close())

describe('withSpan', () => {
  it('returns what the work does, and keeps the attributes', async () => {
    expect(await withSpan('a', { x: 1 }, () => Promise.resolve(5))).toBe(5)
    expect(sdk.spans).toMatchObject([{ name: 'a', attributes: { x: 1 }, status: { code: 0 } }])
  })

  it('keeps pieces of work that run side by side apart', async () => {
    const one = (name: string): Promise<void> =>
      withSpan(name, {}, async () => {
        await delay(Math.random() * 5)
        await withSpan(`${name} child`, {}, () => delay(Math.random() * 5))
      })
    await Promise.all(['a', 'b', 'c', 'd'].map(one))
    for (const name of ['a', 'b', 'c', 'd']) {
      const [parent] = sdk.spansNamed(name)
      expect(sdk.childrenOf(parent!).map((span) => span.name)).toEqual([`${name} child`])
    }
  })

  it('tells of an error its code and not its words', async () => {
    const error = new EngineUnavailableError('s3cret words of a guest')
    expect(await rejection(withSpan('a', {}, () => Promise.reject(error)))).toBe(error)
    const [span] = sdk.spans
    expect(span).toMatchObject({
      status: { code: SpanStatusCode.ERROR },
      attributes: { 'error.type': 'ERR_ENGINE_UNAVAILABLE' },
      events: [],
    })
    expect(JSON.stringify([span?.attributes, span?.status, span?.events])).not.toContain('s3cret')
  })
})

it('work within a span is its child, and work outside of all is no one’s', async () => {
  await withSpan('outer', {}, async () => {
    const span = startSpan('inner', {})
    await within(span, () => withSpan('innermost', {}, () => Promise.resolve()))
    await detached(() => withSpan('elsewhere', {}, () => Promise.resolve()))
    span.end()
  })
  const parents = Object.fromEntries(
    sdk.spans.map((span) => [
      span.name,
      sdk.spans.find((other) => other.spanContext().spanId === span.parentSpanContext?.spanId)?.name,
    ]),
  )
  expect(parents).toEqual({ outer: undefined, inner: 'outer', innermost: 'inner', elsewhere: undefined })
})

it('does the work all the same without an SDK', async () => {
  sdk.close()
  expect(await withSpan('a', {}, (span) => Promise.resolve(span.isRecording()))).toBe(false)
  expect(within(startSpan('b', {}), () => trace.getActiveSpan())).toBeUndefined()
})

it.each([
  [new EngineUnavailableError('x'), 'ERR_ENGINE_UNAVAILABLE'],
  [new DOMException('x', 'AbortError'), 'AbortError'],
  [new TypeError('x'), 'TypeError'],
  [Object.assign(new Error('x'), { code: 'lower case' }), 'Error'],
  [Object.assign(new Error('x'), { code: 'E'.repeat(200), name: 'a\nb' }), '_OTHER'],
  [null, '_OTHER'],
  [undefined, '_OTHER'],
  ['text', '_OTHER'],
])('the class of %s is %s', (error, type) => {
  expect(errorType(error)).toBe(type)
})
