/** An OpenTelemetry SDK in memory, registered for one test and gone afterwards. */
import { context, metrics, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { MeterProvider, MetricReader, type DataPoint, type Histogram } from '@opentelemetry/sdk-metrics'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base'

/** Collects when it is asked to. */
class ManualReader extends MetricReader {
  protected override onShutdown = () => Promise.resolve()
  protected override onForceFlush = () => Promise.resolve()
}

/** One value of one metric. */
export interface Point {
  readonly name: string
  readonly unit: string
  readonly attributes: Readonly<Record<string, unknown>>
  readonly value: number | Histogram
}

export class MemoryTelemetry {
  readonly #exporter = new InMemorySpanExporter()
  readonly #reader = new ManualReader()

  constructor() {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
    trace.setGlobalTracerProvider(
      new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(this.#exporter)] }),
    )
    metrics.setGlobalMeterProvider(new MeterProvider({ readers: [this.#reader] }))
  }

  get spans(): readonly ReadableSpan[] {
    return this.#exporter.getFinishedSpans()
  }

  spansNamed(name: string): readonly ReadableSpan[] {
    return this.spans.filter((span) => span.name === name)
  }

  childrenOf(parent: ReadableSpan): readonly ReadableSpan[] {
    return this.spans.filter((span) => span.parentSpanContext?.spanId === parent.spanContext().spanId)
  }

  async points(): Promise<readonly Point[]> {
    const { resourceMetrics, errors } = await this.#reader.collect()
    if (errors.length > 0) throw new AggregateError(errors)
    return resourceMetrics.scopeMetrics.flatMap(({ metrics: found }) =>
      found.flatMap(({ descriptor: { name, unit }, dataPoints }) =>
        (dataPoints as DataPoint<number | Histogram>[]).map(({ attributes, value }) => ({
          ...{ name, unit, attributes, value },
        })),
      ),
    )
  }

  async pointsOf(name: string): Promise<readonly Pick<Point, 'attributes' | 'value'>[]> {
    return (await this.points())
      .filter((point) => point.name === name)
      .map(({ attributes, value }) => ({ attributes, value }))
  }

  close(): void {
    context.disable()
    trace.disable()
    metrics.disable()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
